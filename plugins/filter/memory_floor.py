"""The smallest limit in which one of our services was measured to serve, for its role to say so as data."""

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.floors import measured_mib

DOCUMENTATION = """
name: memory_floor
short_description: The smallest memory limit in which a service was measured to serve
description:
  - Returns MiB, out of the tables of plugins/plugin_utils/inventory_gate/floors.py, which are measured by
    C(make benchmark-floors) and C(make benchmark-hub); of other parts of a hub they are reckoned.
  - Between two measurements it is interpolated, beyond the last one extended.
positional: series
options:
  _input:
    description: The service, such as victoriametrics.
    type: str
    required: true
  series:
    description: Active time series that it shall hold. What is no number of series has the floor 0.
    type: int
    default: 1
"""

EXAMPLES = """
memory_floor:
  mib: "{{ 'victoriametrics' | robotfleet.stack.memory_floor(1000) }}"
  load: with 1000 series
"""

RETURN = """
_value:
  description: MiB.
  type: int
"""


class FilterModule:
    """Ansible's entry point to this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"memory_floor": measured_mib}
