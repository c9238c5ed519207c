"""How many different series the hub's database takes: room for the shares of all robots, and for the hub's own."""

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.robotfleet.stack.plugins.plugin_utils.telemetry.series import room

DOCUMENTATION = """
name: hub_series_room
short_description: How many different series the hub's database takes
description:
  - Returns a dictionary. C(hourly) and C(daily) are what the database takes in an hour and in a day, C(share) what one
    robot may bring in a day.
positional: robots, hosts, storages
options:
  _input:
    description: Series that each robot is expected to send.
    type: int
    required: true
  robots:
    description: How many robots send.
    type: int
    required: true
  hosts:
    description: How many hosts the hub has.
    type: int
    default: 1
  storages:
    description: How many storages a cluster has, of which one may be away. The result is then the room of each.
    type: int
    default: 1
"""

EXAMPLES = """
storage.maxHourlySeries: "{{ (1000 | robotfleet.stack.hub_series_room(30)).hourly }}"
"""

RETURN = """
_value:
  description: hourly, daily and share, numbers of series.
  type: dict
"""


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"hub_series_room": room}
