"""Whether this controller has the secrets that a hub already has: else it would make others, and nobody would know."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from .folder import CERTIFICATE, KEY, Folder

AUTHORITY = "Telemetry hub authority"  # the name of those that are made here (roles/telemetry_hub/tasks/authority.yml)


@dataclass(frozen=True)
class Wanted:
    """What this run would make where it is missing: files, relative to the folder."""

    names: Mapping[str, str] = field(default_factory=dict)  # of passwords, by user
    database: str = ""
    own_authority: bool = True
    renewed: tuple[str, ...] = ()  # those that shall be made anew

    def missing(self, folder: Folder) -> dict[str, str]:
        """Return the users whose password the folder lacks, and their files."""
        lacking = {user: name for user, name in self.names.items() if not folder.has(name)}
        return {user: name for user, name in lacking.items() if name not in self.renewed}


def objections(folder: Folder, wanted: Wanted, held: Mapping[str, Any]) -> list[str]:
    """Return what the hub has, by the answer ``held``, and this folder does not; one line each."""
    users, missing = [str(user) for user in held.get("users") or []], wanted.missing(folder)
    files = [missing[user] for user in users if user in missing]
    if held.get("database") and wanted.database and wanted.database not in wanted.renewed:
        files += [] if folder.has(wanted.database) else [wanted.database]
    found = [f"lacks {', '.join(files)}{_more(held)}, which the hub has"] if files else []
    if wanted.own_authority and KEY not in wanted.renewed:
        found += _authority(folder, str(held.get("certificates") or ""))
    return found


def _more(held: Mapping[str, Any]) -> str:
    more = held.get("more") or 0
    return f" and {more} more" if more else ""


def _authority(folder: Folder, shown: str) -> list[str]:
    """Return what is wrong with the authority here, when the hub shows these certificates."""
    theirs = [one for one in _loaded(shown) if f"CN={AUTHORITY}" in one.issuer.rfc4514_string().split(",")]
    if not theirs:  # somebody else's until now, whom robots know otherwise
        return []
    lacking = [name for name in (CERTIFICATE, KEY) if not folder.has(name)]
    if lacking:
        return [f"lacks {', '.join(lacking)}, the authority by which robots know the hub"]
    if not any(_signed(one, _loaded(folder.trusted())) for one in theirs):
        ours = _fingerprint((folder.path / CERTIFICATE).read_text(encoding="utf-8"))
        return [f"has another authority ({CERTIFICATE}, SHA-256 {ours}) than the one by which robots know the hub"]
    return []


def signed(certificates: str, authorities: str) -> bool:
    """Whether each of the ``certificates`` is signed by one of the ``authorities``; all of them as PEM."""
    found, known = _loaded(certificates), _loaded(authorities)
    return bool(found) and all(_signed(one, known) for one in found)


def _signed(certificate: Any, authorities: list[Any]) -> bool:
    # Here, and below, because whoever has no hub needs no cryptography.
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 (the reason above)

    for one in authorities:
        with suppress(InvalidSignature, TypeError, ValueError):
            certificate.verify_directly_issued_by(one)
            return True
    return False


def _loaded(pem: str) -> list[Any]:
    from cryptography.x509 import load_pem_x509_certificates  # noqa: PLC0415 (the reason above)

    try:
        return list(load_pem_x509_certificates(pem.encode())) if pem.strip() else []
    except ValueError:
        return []


def _fingerprint(pem: str) -> str:
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415 (the reason above)

    found = _loaded(pem)
    return f"{found[0].fingerprint(hashes.SHA256()).hex(':')[:23]}..." if found else "unreadable"
