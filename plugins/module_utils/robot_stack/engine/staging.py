"""The directory in which the controller lays archives and packages on a robot's disk; never a tmpfs, never for long."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..base.files import file_digest

DIRECTORY = "staging"


@dataclass(frozen=True)
class Archive:
    """An image archive that the controller has laid on the robot's disk.

    ``left_out`` is the number of the image's leading layers that are not in it, because the robot has them.
    """

    path: str
    digest: str
    left_out: int = 0


def listed(root: Path) -> list[dict[str, Any]]:
    """Return name, size in bytes and digest of what lies there, so that a cut delivery goes on where it ended."""
    directory = root / DIRECTORY
    paths = sorted(path for path in directory.iterdir() if path.is_file()) if directory.is_dir() else []
    return [{"name": path.name, "bytes": path.stat().st_size, "digest": _digest(path)} for path in paths]


def intact(archives: Mapping[str, Archive], filesystem: Path) -> dict[str, Archive]:
    """Return those archives, by reference, that arrived as they were sent; a damaged one is removed."""
    whole = {}
    for reference, archive in archives.items():
        path = filesystem / archive.path.lstrip("/")
        if path.is_file() and _digest(path) == archive.digest:
            whole[reference] = archive
        elif path.is_file():
            path.unlink()
    return whole


def _digest(path: Path) -> str:
    """Return a file's digest, and leave nothing of it in memory: what is read a second time counts as in use."""
    found = file_digest(path)
    with path.open("rb") as stream:
        os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return found


def clear(root: Path) -> None:
    """Remove what lies there; an archive that somebody still sends is sent again."""
    directory = root / DIRECTORY
    if directory.is_dir() and any(directory.iterdir()):
        shutil.rmtree(directory)
