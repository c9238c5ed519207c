"""How vmagent calls the folder in which it keeps what it could not send to a URL."""

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.robotfleet.stack.plugins.plugin_utils.telemetry.xxhash64 import xxh64

DOCUMENTATION = """
name: vmagent_queue
short_description: The folder of a queue of vmagent's
description:
  - A queue is named by the position of its URL among those that vmagent writes to, and by a hash of that URL.
positional: position
options:
  _input:
    description: The URL that is written to, without a query.
    type: str
    required: true
  position:
    description: Its position, from 1 on.
    type: int
    default: 1
"""

EXAMPLES = """
folder: "{{ 'https://hub.example.org:8427/api/v1/write' | robotfleet.stack.vmagent_queue }}"
"""

RETURN = """
_value:
  description: The folder's name, such as C(1_1C39D330F1670079).
  type: str
"""


def queue(url: str, position: int = 1) -> str:
    """Return the name of the folder for ``url`` at ``position``."""
    return f"{position}_{xxh64(url.encode()):016X}"


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"vmagent_queue": queue}
