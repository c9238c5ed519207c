"""Whether an authority has signed a certificate, so that another authority gets a certificate made anew."""

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.robotfleet.stack.plugins.plugin_utils.hub_secrets.compare import signed

DOCUMENTATION = """
name: signed_by
short_description: Whether an authority has signed a certificate
description:
  - Returns whether each certificate of a PEM text is signed by one of the authorities of another.
  - Without a certificate, false.
positional: authorities
options:
  _input:
    description: Certificates as PEM.
    type: str
    required: true
  authorities:
    description: Authorities as PEM.
    type: str
    required: true
"""

EXAMPLES = """
renew: "{{ not certificate | robotfleet.stack.signed_by(authority) }}"
"""

RETURN = """
_value:
  description: Whether it is.
  type: bool
"""


def signed_by(certificate: str, authorities: str) -> bool:
    """Return whether ``certificate`` is signed by one of ``authorities``; both are PEM."""
    return signed(certificate, authorities)


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"signed_by": signed_by}
