"""Where a host of the hub is reached: its first name, and the port that its entry point listens on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

DOCUMENTATION = """
name: hub_entry_point
short_description: The address of a hub's entry point
description:
  - Returns the address by which the other host of a pair, and robots, reach a host of the hub. A host that says nothing
    of it has its name in the inventory, and port 8427.
options:
  _input:
    description: The host's variables.
    type: dict
    required: true
"""

EXAMPLES = """
telemetry_hub_other_url: "{{ hostvars['hub-2.example.org'] | robotfleet.stack.hub_entry_point }}"
"""

RETURN = """
_value:
  description: An address such as C(https://hub-2.example.org:8427).
  type: str
"""

USUAL = ":8427"


def entry_point(host: Mapping[str, Any]) -> str:
    """Return the address of a ``host`` with these variables."""
    names, listens = host.get("telemetry_hub_names", []), host.get("telemetry_hub_listen_address", USUAL)
    name = str(names[0] if names else host["inventory_hostname"])
    return f"https://{f'[{name}]' if ':' in name else name}:{str(listens).rpartition(':')[2]}"


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"hub_entry_point": entry_point}
