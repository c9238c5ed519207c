"""The hosts of a hub that is a cluster: where each one's parts are reached, and which parts it has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Callable

from ansible_collections.robotfleet.stack.plugins.filter.hub_entry_point import entry_point

DOCUMENTATION = """
name: hub_cluster
short_description: The hosts of a hub that is a cluster
description:
  - Of three hosts and more, returns by each host's name the address of its parts, the URL of its entry point, and the
    list of its parts; of fewer hosts, nothing, since one host is a hub and two are a pair.
  - A part that a host's variables say nothing of runs on it; vmalert runs on the first two hosts only, and the database
    of a hub that a host was before (C(victoriametrics)) where C(telemetry_hub_former_storage) is true.
options:
  _input:
    description: The variables of the hosts, in the order of their group.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = """
telemetry_hub_cluster: "{{ groups['telemetry_hub'] | map('extract', hostvars) | robotfleet.stack.hub_cluster }}"
"""

RETURN = """
_value:
  description: C(address), C(url) and C(parts) by the name of each host, in their order.
  type: dict
"""

SMALLEST = 3
ALERTING = 2  # so many hosts evaluate the rules: one, and another that goes on without it
PARTS = ("vmstorage", "vmselect", "vminsert", "vmauth", "vmalert")
FORMER = "telemetry_hub_former_storage"


def cluster(hosts: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the hosts of a cluster; {} where there are too few to be one."""
    if len(hosts) < SMALLEST:
        return {}
    return {str(host["inventory_hostname"]): _host(host, place) for place, host in enumerate(hosts)}


def _host(host: Mapping[str, Any], place: int) -> dict[str, Any]:
    parts = [part for part in PARTS if _is_on(host.get(f"telemetry_hub_{part}_enabled"), part, place)]
    if _says_yes(host.get(FORMER) or False):
        parts.append("victoriametrics")
    return {"address": str(host.get("telemetry_hub_cluster_address") or ""), "url": entry_point(host), "parts": parts}


def _is_on(written: Any, part: str, place: int) -> bool:
    if written is None or written == "":
        return part != "vmalert" or place < ALERTING
    return _says_yes(written)


def _says_yes(written: Any) -> bool:
    return str(written).strip().lower() not in ("false", "no", "off", "0")  # an INI file has texts


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"hub_cluster": cluster}
