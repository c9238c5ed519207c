"""Who is shut out of an entry point, and until when: <root>/watchdog/shut_out.json. Times in seconds since 1970.

It outlives restarts of the robot, of the service and of the watchdog, and a deployment writes the service's file by it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ..base.files import DesiredFile, write
from . import record_file
from .record_file import FORMAT, Fields

FILE = "watchdog/shut_out.json"
UNTOLD = "watchdog/shut_out.untold"  # there while the entry point's process was not told of a change of its file
LARGEST_BYTES = 1 << 20
MOST_USERS = 5000


@dataclass(frozen=True)
class User:
    """One who brought more than his share: how often, when last, and how many series that day.

    ``until``: when he is let in again; 0: he is in. ``base``: how many series of today are not held against him.
    """

    times: int = 0
    at: float = 0.0
    until: float = 0.0
    series: int = 0
    base: int = 0


@dataclass(frozen=True)
class ShutOut:
    """All of them, on ``day`` (days since 1970)."""

    day: int = 0
    users: Mapping[str, User] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """Those who are shut out now."""
        return sorted(name for name, user in self.users.items() if user.until)


def load(root: Path) -> ShutOut:
    """Return what is remembered below ``root``; what cannot be read is nobody, and is found out anew."""
    found = record_file.opened(record_file.read(root / FILE, LARGEST_BYTES), [])
    if found is None:
        return ShutOut()
    users = list(found.objects("users").items())[:MOST_USERS]
    return ShutOut(found.count("day"), {name: _user(values) for name, values in users})


def _user(values: Fields) -> User:
    return User(
        values.count("times"), values.number("at"), values.number("until"), values.count("series"), values.count("base")
    )


def save(found: ShutOut, root: Path) -> None:
    """Write it in one step, readable by root alone."""
    content = json.dumps({"format": FORMAT, **asdict(found)}, indent=1, sort_keys=True) + "\n"
    write(DesiredFile(FILE, content, mode=0o600), root)
