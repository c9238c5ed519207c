"""The authorities that a robot shall trust: one, or two while one takes the other's place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
  - A host of the hub that shows a certificate of one's own is known by another authority. The text is empty then,
    whatever is in the folder.
positional: hosts, hostvars
options:
  _input:
    description: Path of the folder.
    type: str
    required: true
  hosts:
    description: Names of the hub's hosts.
    type: list
    elements: str
    default: []
  hostvars:
    description: The variables of all hosts, for the certificates of the hub's.
    type: dict
    default: {}
"""

EXAMPLES = """
vmagent_hub_ca: "{{ '/srv/secrets' | robotfleet.stack.hub_authorities }}"
"""

RETURN = """
_value:
  description: Certificates as PEM.
  type: str
"""


def hub_authorities(
    folder: str, hosts: Sequence[str] = (), hostvars: Mapping[str, Mapping[str, Any]] | None = None
) -> str:
    """Return the certificates in ``folder``, "" where one of the hub's ``hosts`` shows a certificate of one's own."""
    if any((hostvars or {}).get(host, {}).get("telemetry_hub_tls_certificate") for host in hosts):
        return ""
    try:
        return Folder(Path(folder).expanduser()).trusted()
    except OSError as error:
        raise AnsibleFilterError(f"the hub's authority cannot be read: {error}") from error


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"hub_authorities": hub_authorities}
