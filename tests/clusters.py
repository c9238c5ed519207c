"""Hosts of a hub that is a cluster, as the inventory gate sees them, made for tests."""

from __future__ import annotations

from typing import Any

import yaml
from ansible_collections.robotfleet.stack.plugins.filter.hub_cluster import cluster as listed
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate import cluster
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.declaration import Fault, Robot
from declarations import PROJECT, robot

OWN = yaml.safe_load((PROJECT / "roles/telemetry_hub/vars/main.yml").read_text(encoding="utf-8"))
SERVICES = ["sensor_service", *OWN["telemetry_hub_components"]]
NAMES = ("a", "b", "c")
FOLLOWING = ("victoriametrics", "vmstorage", "vmselect", "vminsert", "vmagent", "vmalert")
ADDRESS = "telemetry_hub_cluster_address"


def hubs(*written: dict[str, Any], names: tuple[str, ...] = NAMES) -> list[Robot]:
    """Return hosts of a cluster, as playbooks/hub.yml has them; of each, what its inventory has ``written``."""
    told = [*written, *({} for _ in names)][: len(names)]
    known = [
        {"inventory_hostname": name, ADDRESS: f"10.0.0.{number}", **own}
        for number, (name, own) in enumerate(zip(names, told), 1)
    ]
    return [hub(one, listed(known)) for one in known]


def hub(own: dict[str, Any], hosts: dict[str, Any]) -> Robot:
    """Return one of the ``hosts``, with its ``own`` variables."""
    name = own["inventory_hostname"]
    given: dict[str, Any] = {"telemetry_hub_names": [name], "robot_stack_memory_budget_mib": 816, **own}
    given["telemetry_hub_cluster"] = hosts
    # as the roles' defaults are worked out (tests/roles/test_hub_cluster.py)
    parts = [*hosts[name]["parts"], *(["vmagent"] if "vminsert" in hosts[name]["parts"] else [])]
    for part in FOLLOWING:
        given.setdefault(f"telemetry_hub_{part}_enabled", part in parts)
    return robot(name, robot_stack_services=SERVICES, **given)


def judged(*written: dict[str, Any], names: tuple[str, ...] = NAMES) -> list[Fault]:
    """Return what the gate has against them as a cluster."""
    return cluster.check(hubs(*written, names=names))
