"""Where a robot sends: to each host of a hub or a pair, and to two of the entry points of a cluster."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Callable

from ansible_collections.robotfleet.stack.plugins.filter.hub_cluster import SMALLEST, cluster

DOCUMENTATION = """
name: hub_urls
short_description: The addresses to which a robot sends
description:
  - Returns the address of one host, or of both hosts of a pair, by their names in the inventory.
  - Of a cluster, returns the entry points of two of its hosts. Which two follows from the robot's name, so that a fleet
    is divided evenly, and a robot keeps its two when others come or go.
positional: robot, hostvars
options:
  _input:
    description: Names of the hub's hosts, in the order of their group.
    type: list
    elements: str
    required: true
  robot:
    description: The robot's name.
    type: str
    required: true
  hostvars:
    description: The variables of all hosts, for the names, ports and parts of a cluster's hosts.
    type: dict
    default: {}
"""

EXAMPLES = """
vmagent_hub_urls: "{{ groups['telemetry_hub'] | robotfleet.stack.hub_urls(inventory_hostname, hostvars) }}"
"""

RETURN = """
_value:
  description: Addresses such as C(https://hub-1.example.org:8427).
  type: list
  elements: str
"""

ENTRY_POINTS = 2  # so that no sample is lost with the entry point that had just taken it


def urls(hosts: Sequence[str], robot: str, hostvars: Mapping[str, Mapping[str, Any]] | None = None) -> list[str]:
    """Return where ``robot`` sends, in an order that is its own."""
    if len(hosts) < SMALLEST:
        return [f"https://{host}:8427" for host in hosts]
    known = hostvars or {}
    of_cluster = cluster([{**_variables(known, host), "inventory_hostname": host} for host in hosts])
    found_at = [host["url"] for host in of_cluster.values() if "vmauth" in host["parts"]]
    return sorted(found_at, key=lambda url: _rank(robot, url))[:ENTRY_POINTS]


def _variables(hostvars: Mapping[str, Mapping[str, Any]], host: str) -> dict[str, Any]:
    """Return what the inventory says of ``host``, as far as its entry point follows from it."""
    found = hostvars.get(host) or {}
    names = ("telemetry_hub_names", "telemetry_hub_listen_address", "telemetry_hub_vmauth_enabled")
    return {name: found[name] for name in names if name in found}


def _rank(robot: str, url: str) -> str:
    """Return a number, as text, that is another one for each pair of robot and entry point (rendezvous hashing)."""
    return hashlib.sha256(f"{robot}\n{url}".encode()).hexdigest()


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"hub_urls": urls}
