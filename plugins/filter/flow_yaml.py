"""Any value on one line of YAML, as JSON has it, but that every character is one which parsers in Go take."""

from __future__ import annotations

import re
from typing import Any, Callable

from ansible.plugins.filter.core import to_json

DOCUMENTATION = """
name: flow_yaml
short_description: Any value on one line, as programs in Go read YAML
description:
  - The same as P(ansible.builtin.to_json#filter), but for characters beyond U+FFFF. JSON writes each of them as two
    halves, which is no YAML to a program in Go, and no text in quotes to its flags. Here it is one escape.
  - The character U+007F, which YAML does not allow as it is, is written as an escape.
options:
  _input:
    description: Any value.
    type: raw
    required: true
"""

EXAMPLES = """
username: "{{ my_name | robotfleet.stack.flow_yaml }}"
"""

RETURN = """
_value:
  description: One line of ASCII.
  type: str
"""

# A backslash and what it says, one after the other: two of them are a backslash, whatever comes behind.
ESCAPE = re.compile(r"\\u(?P<high>d[89ab][0-9a-f]{2})\\u(?P<low>d[c-f][0-9a-f]{2})|\\.|\x7f")


def flow_yaml(value: Any) -> str:
    """Return ``value`` as one line of YAML."""
    return ESCAPE.sub(_whole, str(to_json(value)))


def _whole(found: re.Match[str]) -> str:
    if found[0] == "\x7f":
        return "\\u007f"
    if found["high"] is None:
        return found[0]
    number = 0x10000 + ((int(found["high"], 16) & 0x3FF) << 10) + (int(found["low"], 16) & 0x3FF)
    return f"\\U{number:08x}"


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"flow_yaml": flow_yaml}
