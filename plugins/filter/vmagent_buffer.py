"""What vmagent's buffer means for the robot: the disk that it may occupy, and for how long it bridges."""

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.robotfleet.stack.plugins.plugin_utils.telemetry.offline_buffer import (
    disk_mib,
    lasting_hours,
    needed_mib,
)

DOCUMENTATION = """
name: vmagent_buffer
short_description: Disk and hours of vmagent's buffer
description:
  - What a full buffer occupies at worst, with what must stay free beside it, and a line for people that says for how
    long it holds every sample.
positional: expected_series, scrape_interval, offline_hours, min_free_mib, hubs
options:
  _input:
    description: The buffer's cap in MiB.
    type: int
    required: true
  expected_series:
    description: Active time series that this robot is expected to have.
    type: int
    required: true
  scrape_interval:
    description: How often each of them gets a sample, such as C(15s).
    type: str
    required: true
  offline_hours:
    description: For how long nothing may be lost without the hub.
    type: int
    required: true
  min_free_mib:
    description: What must stay free.
    type: int
    required: true
  hubs:
    description: To how many hosts of the hub it sends; each has a buffer of its own.
    type: int
    default: 1
"""

EXAMPLES = """
disk_mib: "{{ (512 | robotfleet.stack.vmagent_buffer(1000, '15s', 72, 256)).disk_mib }}"
"""

RETURN = """
_value:
  description: disk_mib, and notes (a list of lines).
  type: dict
"""


def buffer(
    buffer_mib: int,
    expected_series: int,
    scrape_interval: str,
    offline_hours: int,
    min_free_mib: int,
    hubs: int = 1,
) -> dict[str, Any]:
    """Return what a buffer capped at ``buffer_mib`` for each of the ``hubs`` needs, and what it is good for."""
    needed = needed_mib(expected_series, scrape_interval, offline_hours)
    lasts = lasting_hours(buffer_mib, expected_series, scrape_interval)
    absent = "the hub" if hubs == 1 else f"one of its {hubs} hubs, or all of them,"
    note = (
        f"without {absent} it keeps every sample for {lasts} h ({offline_hours} h are asked for and need {needed} of "
        f"the buffer's {buffer_mib} MiB, with {expected_series} series every {scrape_interval})"
    )
    return {"disk_mib": disk_mib(buffer_mib, min_free_mib, hubs), "notes": [note]}


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"vmagent_buffer": buffer}
