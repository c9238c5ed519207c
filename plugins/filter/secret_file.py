"""Read a secret that a playbook has made on this machine; in a plan it may not have been made yet."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

from ansible.errors import AnsibleFilterError

DOCUMENTATION = """
name: secret_file
short_description: The content of a secret file on this machine
description:
  - Returns what the file holds, without white space at its ends.
  - A file that is missing or empty is an error that says who makes it, unless it may be missing.
positional: optional
options:
  _input:
    description: Path of the file.
    type: str
    required: true
  optional:
    description: Whether a missing file is an empty text, as in check mode before the first run.
    type: bool
    default: false
"""

EXAMPLES = """
content: "{{ '/srv/secrets/reader.password' | robotfleet.stack.secret_file }}"
"""

RETURN = """
_value:
  description: What the file holds.
  type: str
"""


def secret_file(path: str, optional: bool = False) -> str:
    """Return the text in ``path``, stripped."""
    try:
        found, why = Path(path).expanduser().read_text(encoding="utf-8").strip(), "empty"  # as a power cut may leave it
    except FileNotFoundError:
        found, why = "", "missing"
    if not found and not optional:
        raise AnsibleFilterError(f"{path} is {why}: playbooks/hub.yml makes it, run that first")
    return found


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"secret_file": secret_file}
