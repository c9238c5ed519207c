"""Lays files on a robot's disk through the connection that is there, going on where a cut delivery ended.

Ansible's own copy would compress an archive again for every robot, put it under the login's home first, and start anew
each time. Here the bytes go straight into the staging directory, which only root reads.
"""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

PIECE = 8 << 20  # bytes held at once, and sent with one command
# A command and what it reads; returns its exit code and what it said against it. Runs as root on the robot.
Run = Callable[[str, bytes], tuple[int, str]]


class SendingError(RuntimeError):
    """The robot did not take a file."""


class Sender:
    """Sends files into ``root``/staging."""

    def __init__(self, run: Run, root: str, say: Callable[[str], None]) -> None:
        """``run`` executes a command on the robot; ``say`` tells a person what goes over the wire."""
        self._run, self._root, self._say = run, root, say

    def send(self, path: Path, what: str, staged: Sequence[Mapping[str, Any]], note: str = "") -> str:
        """Send the file unless it is there whole; return its path on the robot. ``staged``: what lies there."""
        target = f"{self._root}/staging/{path.name}"
        size = path.stat().st_size
        start = arrived(path, staged)
        if start == size:
            return target
        resumed = f", going on at {megabytes(start)}" if start else ""
        self._say(f"sending {what} ({megabytes(size - start)}{resumed}{note})")
        quoted = shlex.quote(target)
        prepare = (
            f"umask 077 && mkdir -p -m 0755 {shlex.quote(self._root)} && mkdir -p {shlex.quote(self._root)}/staging && "
        )
        with path.open("rb") as stream:
            stream.seek(start)
            while piece := stream.read(PIECE):
                # Whatever lies behind is cut off first, so that a command which is repeated does no harm; what is on
                # the disk afterwards survives a power cut, and need not stay in memory.
                write = f"truncate -s {start} {quoted} && dd of={quoted} bs=64k iflag=fullblock"
                write += f" oflag=seek_bytes seek={start} conv=notrunc,fdatasync status=none"
                code, words = self._run(prepare + write, piece)
                if code:
                    raise SendingError(f"{what} could not be staged on the robot: {words.strip()}")
                start += len(piece)
        return target


def arrived(path: Path, staged: Sequence[Mapping[str, Any]]) -> int:
    """Return how many bytes of the file the robot has already; a part that is not its beginning counts for nothing."""
    for part in staged:
        if part["name"] == path.name and 0 < part["bytes"] <= path.stat().st_size:
            if part["digest"] == digest_of_beginning(path, part["bytes"]):
                return int(part["bytes"])
            break
    return 0


def digest_of_beginning(path: Path, size: int) -> str:
    """Return the SHA-256 of a file's first ``size`` bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while size > 0 and (piece := stream.read(min(1 << 20, size))):
            digest.update(piece)
            size -= len(piece)
    return "sha256:" + digest.hexdigest()


def megabytes(size: int) -> str:
    """Return a size for people."""
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} KB"
