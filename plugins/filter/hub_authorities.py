"""The authorities that a robot shall trust: one, or two while one takes the other's place."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

from ansible.errors import AnsibleFilterError
from ansible_collections.robotfleet.stack.plugins.plugin_utils.hub_secrets.folder import Folder

DOCUMENTATION = """
name: hub_authorities
short_description: The authorities that robots shall trust
description:
  - Returns the certificates in a folder that playbooks/hub.yml has filled on this machine; without any, an empty text.
  - While the hub's authority is exchanged there are two.
options:
  _input:
    description: Path of the folder.
    type: str
    required: true
"""

EXAMPLES = """
vmagent_hub_ca: "{{ '/srv/secrets' | robotfleet.stack.hub_authorities }}"
"""

RETURN = """
_value:
  description: Certificates as PEM.
  type: str
"""


def hub_authorities(folder: str) -> str:
    """Return the certificates in ``folder``."""
    try:
        return Folder(Path(folder).expanduser()).trusted()
    except OSError as error:
        raise AnsibleFilterError(f"the hub's authority cannot be read: {error}") from error


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"hub_authorities": hub_authorities}
