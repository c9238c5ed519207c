"""What samples a snapshot, a backup or a restored folder of VictoriaMetrics holds, read from its files.

A database has its samples in data/{small,big}/PARTITION/PART, and says in each PART's metadata.json how many rows there
are and from when until when. A snapshot has the same below data/{small,big}/snapshots/NAME; in a backup each file is a
folder of its pieces, SIZE_OFFSET_LENGTH in hexadecimal digits. Containers write all of this: no link is followed,
everything is bounded, and what says something impossible is told.
Source: lib/storage and lib/backup/common of https://github.com/VictoriaMetrics/VictoriaMetrics
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator, Sequence
from typing import Any, Callable

from ..base.folder import Folder
from ..records.job_record import Contents

KINDS = ("small", "big")
ABOUT = "metadata.json"
PIECE = re.compile(r"([0-9A-F]{16})_([0-9A-F]{16})_([0-9A-F]{16})")
COMPLETE = "backup_complete.ignore"
LARGEST_BYTES = 64 * 1024
LARGEST_NUMBER = 1 << 53
DEEPEST, MOST_FILES = 12, 1_000_000


class OddError(RuntimeError):
    """What lies there is not what VictoriaMetrics writes; the message says what is odd."""


def of_snapshot(data: Folder, name: str) -> Contents:
    """Return what the snapshot ``name`` in a database's ``data`` holds."""
    return _joined(_parts(data, ("snapshots", name)))


def reaches(data: Folder, name: str, moment: int) -> bool:
    """Whether ``moment`` (ms since 1970) is between the first and the last sample of a part of snapshot ``name``."""
    return any(part["MinTimestamp"] <= moment <= part["MaxTimestamp"] for part in _parts(data, ("snapshots", name)))


def of_backup(backup: Folder) -> Contents:
    """Return what a backup holds."""
    return _joined(_parts(backup, ()))


def of_data(data: Folder) -> Contents:
    """Return what a database's ``data`` holds on disk."""
    return _joined(_parts(data, ()))


def _parts(top: Folder, below: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield what each part says of itself."""
    for kind in KINDS:
        path = ["data", kind, *below]
        if not _there(top, path):
            continue
        with top.down(*path) as partitions:
            for partition in _folders(partitions):
                if partition == "snapshots":
                    continue
                with partitions.inside(partition) as parts:
                    for name in _folders(parts):
                        with parts.inside(name) as part:
                            yield from _about(part, f"{kind}/{partition}/{name}")


def _there(top: Folder, path: Sequence[str]) -> bool:
    try:
        top.down(*path).__exit__(None, None, None)
    except FileNotFoundError:
        return False
    return True


def _folders(folder: Folder) -> list[str]:
    return [name for name in folder.names() if folder.holds_folder(name)]


def _about(part: Folder, place: str) -> Iterator[dict[str, Any]]:
    """What stands in a part's metadata.json, or in the one piece that a backup has of it; other folders have none.

    Nor has a part of which a backup has not one piece: vmbackup makes a file's folder before its piece, removes pieces
    before their folders, and never looks at what is empty once it was cut off in between.
    """
    if part.holds_folder(ABOUT):
        names = _pieces(part, ABOUT)
        if not names and not any(_pieces(part, name) for name in _folders(part)):
            return
        if len(names) != 1:
            raise OddError(f"{place}/{ABOUT} is in {len(names)} pieces")
        with part.inside(ABOUT) as pieces:
            yield _parsed(pieces, names[0], place)
    elif part.status(ABOUT) is not None:
        yield _parsed(part, ABOUT, place)


def _pieces(part: Folder, file: str) -> list[str]:
    with part.inside(file) as pieces:
        return [name for name in pieces.names() if PIECE.fullmatch(name)]


def _parsed(folder: Folder, name: str, place: str) -> dict[str, Any]:
    content = read(folder, name)
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        found = None
    wanted = ("RowsCount", "MinTimestamp", "MaxTimestamp")
    numbers = [found.get(key) for key in wanted] if isinstance(found, dict) else [None]
    if not all(isinstance(one, int) and not isinstance(one, bool) and 0 <= one < LARGEST_NUMBER for one in numbers):
        raise OddError(f"{place}/{ABOUT} does not say which samples there are")
    return dict(found)


def _joined(parts: Iterator[dict[str, Any]]) -> Contents:
    rows, oldest, newest = 0, LARGEST_NUMBER, 0
    for part in parts:
        rows += part["RowsCount"]
        oldest, newest = min(oldest, part["MinTimestamp"]), max(newest, part["MaxTimestamp"])
    return Contents(rows, oldest, newest) if rows else Contents()


def read(folder: Folder, name: str) -> bytes:
    """Return the first bytes of a plain file; raise OSError where it is none."""
    handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder.descriptor)
    with os.fdopen(handle, "rb") as stream:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OddError(f"{name} is no plain file")
        return stream.read(LARGEST_BYTES)


def is_complete(backup: Folder) -> bool:
    """Whether whoever wrote the backup came to its end."""
    status = backup.status(COMPLETE)
    return status is not None and stat.S_ISREG(status.st_mode)


def size(backup: Folder) -> int:
    """Return how many bytes a backup's files have; raise `OddError` where one of them is not whole."""
    return sum(_sizes(backup, "", [MOST_FILES]))


def _sizes(folder: Folder, place: str, left: list[int], depth: int = 0) -> Iterator[int]:
    """Yield the size of each file below; ``left``: how many more are looked at."""
    pieces: list[tuple[int, int, int]] = []
    for name in folder.names():
        status = folder.status(name)
        if status is None or name.endswith(".ignore"):
            continue
        if stat.S_ISDIR(status.st_mode) and depth < DEEPEST:
            with folder.inside(name) as below:
                yield from _sizes(below, f"{place}/{name}", left, depth + 1)
            continue
        left[0] -= 1
        piece = PIECE.fullmatch(name)
        if piece is None or left[0] < 0:
            raise OddError(f"{place}/{name} does not belong in a backup")
        whole, offset, length = (int(number, 16) for number in piece.groups())
        if status.st_size != length:
            raise OddError(f"{place}/{name} has {status.st_size} bytes, not {length}")
        pieces.append((offset, length, whole))
    if pieces:
        yield _covered(sorted(pieces), place)


def _covered(pieces: list[tuple[int, int, int]], place: str) -> int:
    reached = 0
    for offset, length, _ in pieces:
        if offset != reached:
            raise OddError(f"{place} lacks what is from byte {reached} on")
        reached += length
    if {whole for _, _, whole in pieces} != {reached}:
        raise OddError(f"{place} is not whole")
    return reached


def missing(data: Folder, snapshot: str, there: Callable[[tuple[str, ...]], bool]) -> int:
    """Return how many bytes of a snapshot are in files that are not ``there``, which is asked with a file's path."""
    found = 0
    for kind in (*KINDS, "indexdb"):
        path = ["data", kind, "snapshots", snapshot]
        if _there(data, path):
            with data.down(*path) as top:
                found += sum(_absent(top, ("data", kind), there))
    return found


def _absent(folder: Folder, path: tuple[str, ...], there: Callable[[tuple[str, ...]], bool]) -> Iterator[int]:
    for name in folder.names():
        status = folder.status(name)
        if status is None:
            continue
        if stat.S_ISDIR(status.st_mode) and len(path) < DEEPEST:
            with folder.inside(name) as below:
                yield from _absent(below, (*path, name), there)
        elif stat.S_ISREG(status.st_mode) and not there((*path, name)):
            yield status.st_size
