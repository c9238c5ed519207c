"""Tell whether what somebody wrote in an inventory holds a password: then the file that it is written to is private."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Callable

DOCUMENTATION = """
name: holds_secret
short_description: Whether a value holds a password, a token or a key
description:
  - Looks at names (I(password), I(bearer_token), I(client_secret) and the like) and at texts (private keys, logins in
    URLs and in headers), at any depth.
  - Whoever keeps a secret in a file of its own (I(password_file)) has none in the value.
options:
  _input:
    description: Any value.
    type: raw
    required: true
"""

EXAMPLES = """
sensitive: "{{ my_scrape_configs | robotfleet.stack.holds_secret }}"
"""

RETURN = """
_value:
  description: Whether it does.
  type: bool
"""

NAME = re.compile(r"(?i)(password|passwd|token|secret|credentials?|apikey|(secret|access|api|private|auth)[_-]?key)$")
TEXT = re.compile(
    r"(?i)-----BEGIN [A-Z ]*PRIVATE KEY|://[^/@\s]+@|^\s*(proxy-)?authorization\s*:|^\s*(cookie|x-[a-z-]*(key|token))\s*:"
)


def holds_secret(value: Any) -> bool:
    """Return whether ``value`` holds one."""
    if isinstance(value, Mapping):
        return any(
            bool(NAME.search(str(name)) and part)
            or holds_secret(part)
            or (isinstance(part, str) and holds_secret(f"{name}: {part}"))  # a header, perhaps
            for name, part in value.items()
        )
    if isinstance(value, (list, tuple)):
        return any(holds_secret(part) for part in value)
    return isinstance(value, str) and bool(TEXT.search(value))


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"holds_secret": holds_secret}
