"""A variable's value, worked out by Ansible; a secret stays what it is."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleError
from ansible.parsing.vault import AnsibleVaultError, EncryptedString

from ..inventory_gate.declaration import Secret, Worked


def worked_out(raw: Any, templar: Any, secret: bool = False) -> Worked:
    """Return the value of ``raw``, or why it has none. A secret stays what it is: no vault password is needed here."""
    if secret and encrypted(raw):
        return Secret(), ""
    try:
        return templar.template(raw), ""
    except AnsibleError as error:
        causes = _causes(error)
        if secret and any(isinstance(cause, AnsibleVaultError) for cause in causes):
            return Secret(), ""
        return None, str(causes[-1])


def encrypted(raw: Any) -> bool:
    """Whether a value is in the vault."""
    return isinstance(raw, EncryptedString)


def _causes(error: BaseException) -> list[BaseException]:
    causes = [error]
    while causes[-1].__cause__ is not None:
        causes.append(causes[-1].__cause__)
    return causes
