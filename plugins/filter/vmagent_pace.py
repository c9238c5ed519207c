"""How many bytes vmagent sends to its hub in a second at most."""

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.robotfleet.stack.plugins.plugin_utils.telemetry.pace import bytes_per_second

DOCUMENTATION = """
name: vmagent_pace
short_description: Bytes a second that vmagent sends to its hub at most
description:
  - What is declared, or else forty times what the expected series make, so that a fleet that sends its backlog at once
    leaves its hub the time to answer.
positional: expected_series, scrape_interval
options:
  _input:
    description: KiB a second; 0 means that it is worked out.
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
"""

EXAMPLES = """
remoteWrite.rateLimit: "{{ 0 | robotfleet.stack.vmagent_pace(1000, '15s') }}"
"""

RETURN = """
_value:
  description: Bytes a second.
  type: int
"""


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"vmagent_pace": bytes_per_second}
