"""How many series each storage of a cluster holds."""

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.robotfleet.stack.plugins.plugin_utils.telemetry.series import of_storage

DOCUMENTATION = """
name: storage_series
short_description: How many series each storage of a cluster holds
description:
  - Returns how many of the fleet's series one storage has while one of the others is away; each series is on two of
    those that are there. Of three storages each must have room for all of them.
positional: storages
options:
  _input:
    description: Series of the whole fleet.
    type: int
    required: true
  storages:
    description: How many storages there are.
    type: int
    required: true
"""

EXAMPLES = """
limit: "{{ 30000 | robotfleet.stack.storage_series(4) }}"
"""

RETURN = """
_value:
  description: A number of series.
  type: int
"""


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"storage_series": of_storage}
