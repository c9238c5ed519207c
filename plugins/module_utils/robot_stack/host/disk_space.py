"""Free space on the robot's file systems, and who wants how much of it. Reading only."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

MOST_ENTRIES = 100_000  # a data directory has some hundred; more would not be ours
BLOCK = 512  # bytes, what st_blocks counts in


@dataclass(frozen=True)
class Disk:
    """A file system: its `device` number tells two paths on one from two on two; `available` bytes are free."""

    device: int
    available: int


@dataclass(frozen=True)
class Claim:
    """``size`` bytes that `what` will need below `path`."""

    what: str
    path: str
    size: int


def of(path: Path) -> Disk:
    """Return the file system that ``path`` is on, or will be on once it is made."""
    while not path.exists():
        path = path.parent
    stat = os.statvfs(path)
    return Disk(path.stat().st_dev, stat.f_bavail * stat.f_frsize)


def used(directory: Path) -> int:
    """Return the bytes that the files below ``directory`` occupy, like `du`; 0 where it does not exist."""
    total, seen = 0, 0
    for folder, _, names in os.walk(directory):
        for name in names:
            seen += 1
            if seen > MOST_ENTRIES:
                return total
            try:
                total += os.lstat(f"{folder}/{name}").st_blocks * BLOCK
            except OSError:
                continue  # a database merges its files while we count
    return total


def by_device(claims: Iterable[Claim], disks: dict[str, Disk]) -> dict[int, list[Claim]]:
    """Return the claims of each file system: two that would fit one by one may not fit together."""
    found: dict[int, list[Claim]] = {}
    for claim in claims:
        found.setdefault(disks[claim.path].device, []).append(claim)
    return found
