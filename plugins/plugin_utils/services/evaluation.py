"""A variable's value, worked out by Ansible; a secret stays what it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible.errors import AnsibleError
from ansible.parsing.vault import AnsibleVaultError, EncryptedString

from ..inventory_gate.declaration import Secret, Worked


def worked_out(raw: Any, templar: Any, secret: bool = False) -> Worked:
    """Return the value of ``raw``, or why it has none. A secret stays what it is: no vault password is needed here."""
    if secret and encrypted(raw):
        return Secret(_decrypted(raw)), ""
    try:
        return templar.template(raw), ""
    except AnsibleError as error:
        causes = _causes(error)
        if secret and _undecryptable(causes):
            return Secret(), ""
        return None, str(causes[-1])


def locked(raw: Any, templar: Any) -> str:
    """Return why a secret cannot be decrypted, "" where it can, or where it is none."""
    try:
        str(raw if encrypted(raw) else templar.template(raw))
    except AnsibleError as error:
        causes = _causes(error)
        if _undecryptable(causes):
            return str(causes[-1])
    return ""


def _decrypted(raw: Any) -> str | None:
    try:
        return str(raw)
    except AnsibleError:  # its vault's password was not given: told by `locked`, where somebody needs it
        return None


def encrypted(raw: Any) -> bool:
    """Whether a value is in the vault."""
    return isinstance(raw, EncryptedString)


def _undecryptable(causes: Sequence[BaseException]) -> bool:
    """Whether one of the causes is a vault; behind another name Ansible says so in words alone."""
    return any(isinstance(cause, AnsibleVaultError) or "undecryptable" in str(cause) for cause in causes)


def _causes(error: BaseException) -> list[BaseException]:
    causes = [error]
    while causes[-1].__cause__ is not None:
        causes.append(causes[-1].__cause__)
    return causes
