"""Free space on the robot's file systems, and who wants how much of it. Reading only."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..base.folder import Folder

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
    found = os.statvfs(path)
    return Disk(path.stat().st_dev, found.f_bavail * found.f_frsize)


def used(directory: Path) -> int:
    """Return the bytes that the files below ``directory`` occupy, like `du`; 0 where it does not exist.

    A container may write there: no link is followed, and what is deeper or more than any data of ours is not counted.
    """
    try:
        top = Folder.at(directory)
    except OSError:
        return 0
    with top:
        found = (status for _, _, status in top.walk())
        return sum(status.st_blocks * BLOCK for status in found if not stat.S_ISDIR(status.st_mode))


def by_device(claims: Iterable[Claim], disks: dict[str, Disk]) -> dict[int, list[Claim]]:
    """Return the claims of each file system: two that would fit one by one may not fit together."""
    found: dict[int, list[Claim]] = {}
    for claim in claims:
        found.setdefault(disks[claim.path].device, []).append(claim)
    return found
