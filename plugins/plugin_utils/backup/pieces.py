"""A backup on its way from a robot: never more than the robot has announced, and each piece what it says it is."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.backup.tar_stream import MARK

LONGEST_LINE = 1024  # bytes of what stands before a piece
LEFT_FREE = 256 << 20  # bytes of the controller's disk that no backup takes
CLOCK_AHEAD_SECONDS = 86400
GZIP = 31  # zlib's window for a gzip member


class PieceError(ValueError):
    """A robot sent something else than what it announced."""


@dataclass(frozen=True)
class Announced:
    """What a robot says that its snapshot is: ``bytes`` is the size of the whole archive before compression."""

    bytes: int
    about: Mapping[str, Any]
    where: Mapping[str, str]

    @classmethod
    def of(cls, made: Mapping[str, Any], directory: Path, now: float) -> Announced:
        """Return it; raise `PieceError` where it cannot be, or does not fit on this machine's disk."""
        odd = [key for key in ("directory", "within", "snapshot") if not isinstance(made.get(key), str)]
        odd += [key for key in ("bytes", "files", "series", "moment") if not _is_count(made.get(key))]
        if odd or not made["bytes"] or made["moment"] > now + CLOCK_AHEAD_SECONDS:
            raise PieceError(f"its snapshot is announced in odd figures ({', '.join(odd) or 'bytes, moment'})")
        free = free_bytes(directory)
        if made["bytes"] > free - LEFT_FREE:
            needed, left = made["bytes"] >> 20, free >> 20
            raise PieceError(
                f"it announces a backup of {needed} MiB; {directory} has {left} MiB free, of which "
                f"{LEFT_FREE >> 20} MiB are left alone"
            )
        about = {key: made[key] for key in ("moment", "series", "files", "bytes", "snapshot")}
        return cls(made["bytes"], about, {key: made[key] for key in ("directory", "within")})


def _is_count(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < math.inf


def free_bytes(directory: Path) -> int:
    """Return what is free on the disk that will hold ``directory``."""
    there = next(path for path in (directory, *directory.parents) if path.exists())
    return shutil.disk_usage(there).free


def piece(answer: bytes, wanted: int) -> bytes:
    """Return the gzip member of exactly ``wanted`` bytes that an answer holds; raise `PieceError` for anything else."""
    _, mark, rest = answer.partition(MARK)
    line, _, packed = rest[: LONGEST_LINE + most_packed(wanted) + 1].partition(b"\n")
    told = _told(line) if mark else {}
    if not told:
        raise PieceError("the robot sent no piece of its snapshot")
    if len(line) + 1 + len(packed) < len(rest) or len(packed) > most_packed(wanted):
        raise PieceError(f"a piece of {wanted} bytes came as {len(rest)}: more than the robot has announced")
    if hashlib.sha256(packed).hexdigest() != told.get("digest"):
        raise PieceError(
            f"a piece of the backup did not arrive as it was sent ({len(packed)} of {told.get('packed')} bytes): "
            "leave Ansible's pipelining on, and run again"
        )
    if told.get("bytes") != wanted or _unpacked(packed, wanted) != wanted:
        raise PieceError(f"a piece is not the {wanted} bytes that the robot has announced")
    return packed


def most_packed(wanted: int) -> int:
    """Return how large gzip may make ``wanted`` bytes that it cannot compress."""
    return wanted + wanted // 256 + 1024


def _told(line: bytes) -> dict[str, Any]:
    try:
        told = json.loads(line[:LONGEST_LINE])
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _unpacked(packed: bytes, wanted: int) -> int:
    """Return the size of one gzip member, at most ``wanted`` + 1; -1 where it is none, or more than one."""
    reader = zlib.decompressobj(GZIP)
    try:
        size = len(reader.decompress(packed, wanted + 1))
    except zlib.error:
        return -1
    return size if reader.eof and not reader.unused_data else -1
