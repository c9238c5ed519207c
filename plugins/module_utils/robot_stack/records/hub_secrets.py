"""What secrets a hub has, told without telling them: whether it knows these users, and which certificates it shows."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

ENTRY_POINT = "telemetry_hub_vmauth"
LARGEST_BYTES = 8 << 20  # a hub of 10,000 robots
MOST = 20  # names that are told; of the rest, how many
USER = re.compile(r'^\s*- username: ("(?:[^"\\]|\\.)*")\s*$', re.MULTILINE)
CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


@dataclass(frozen=True)
class Held:
    """What a hub has. ``certificates`` are its own (not those above it), as PEM, one for each version of its files."""

    users: list[str]
    certificates: list[str]
    database: bool


def held(root: Path, asked: Collection[str]) -> Held:
    """Return what the hub below ``root`` has; of its users, those ``asked`` for. Raises OSError, ValueError."""
    # One folder for each version of vmauth's files; there are two while one takes the other's place.
    versions = sorted((root / ENTRY_POINT / "config").glob("*/"))
    users = {user for version in versions for user in _users(version / "auth.yml")}
    shown = (_certificate(version / "tls" / "certificate.pem") for version in versions)
    database = any(True for _ in root.glob("telemetry_hub_*/config/*/database_password"))
    return Held(sorted(users.intersection(asked)), [one for one in shown if one], database)


def _users(path: Path) -> list[str]:
    return [str(json.loads(name)) for name in USER.findall(_text(path))]


def _certificate(path: Path) -> str:
    """Return the first certificate in ``path``; "" where there is none."""
    found = CERTIFICATE.search(_text(path))
    return found.group() if found else ""


def _text(path: Path) -> str:
    if not path.is_file():
        return ""
    if path.stat().st_size > LARGEST_BYTES:
        raise ValueError(f"{path} is larger than anything that this project writes there")
    return path.read_text(encoding="utf-8")
