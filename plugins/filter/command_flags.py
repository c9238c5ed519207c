"""Turn a dictionary of flags into a command line, so that roles and users combine dictionaries and never lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

DOCUMENTATION = """
name: command_flags
short_description: Command-line flags from a dictionary
description:
  - Sorted by name, so that the same flags are always the same command line.
  - A flag whose value is null is left out, which is how a user drops a default.
  - A list repeats its flag; true and false are written as Go programs read them.
options:
  _input:
    description: Flag names, without the leading dash, and their values.
    type: dict
    required: true
"""

EXAMPLES = """
command: "{{ {'retentionPeriod': '30d', 'promscrape.noStaleMarkers': true} | robotfleet.stack.command_flags }}"
"""

RETURN = """
_value:
  description: Words of a command line, such as C(-retentionPeriod=30d).
  type: list
  elements: str
"""


def command_flags(flags: Mapping[str, Any]) -> list[str]:
    """Return ``flags`` as sorted words of the form ``-name=value``."""
    words = []
    for name in sorted(flags):
        value = flags[name]
        values = value if isinstance(value, (list, tuple)) else [value]
        words += [f"-{name}={_text(item)}" for item in values if item is not None]
    return words


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"command_flags": command_flags}
