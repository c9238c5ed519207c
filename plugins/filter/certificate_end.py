"""Tell when a certificate ends, so that it is renewed, and warned of, in time."""

from __future__ import annotations

from typing import Any, Callable

from ansible.errors import AnsibleFilterError

DOCUMENTATION = """
name: certificate_end
short_description: When a certificate ends
description:
  - Returns the seconds since 1970 at which the (first) certificate of a PEM text is no longer valid.
  - Without a certificate, 0.
options:
  _input:
    description: PEM text.
    type: str
    required: true
"""

EXAMPLES = """
due: "{{ (certificate | robotfleet.stack.certificate_end) - now().timestamp() < 30 * 86400 }}"
"""

RETURN = """
_value:
  description: Seconds since 1970.
  type: int
"""


def certificate_end(pem: str) -> int:
    """Return when the certificate ``pem`` ends; 0 where there is none."""
    if not pem.strip():
        return 0
    # Here, because whoever has no hub needs no cryptography: without it, ansible-doc could not list the others either.
    from cryptography.x509 import load_pem_x509_certificate  # noqa: PLC0415 (the reason above)

    try:
        return int(load_pem_x509_certificate(pem.encode()).not_valid_after_utc.timestamp())
    except ValueError as error:
        raise AnsibleFilterError(f"this is not a certificate in PEM: {error}") from error


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"certificate_end": certificate_end}
