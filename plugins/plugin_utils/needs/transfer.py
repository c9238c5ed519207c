"""Lays files on a robot's disk through the connection that is there, going on where a cut delivery ended.

Ansible's own copy would compress an archive again for every robot, put it under the login's home first, and start anew
each time. Here the bytes go straight into the staging directory, which only root reads.
"""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Any

PIECE = 8 << 20  # bytes held at once, and sent with one command
NO_FOLDER = 17  # an exit code that none of the commands here has
# A command and what it reads; returns its exit code and what it said against it. Runs as root on the robot.
Run = Callable[[str, bytes], tuple[int, str]]
# What lies there, as the module tells it: name, bytes, digest.
Staged = Sequence[Mapping[str, Any]]


class SendingError(RuntimeError):
    """The robot did not take a file."""


class NoFolderError(RuntimeError):
    """The robot has nothing of ours yet, and nothing was laid there."""


class Content:
    """What is sent; here, a file as it is. ``name`` is what it is called on the robot."""

    def __init__(self, path: Path) -> None:
        """``path`` is looked at when it is sent."""
        self.path, self.name = path, path.name

    @property
    def size(self) -> int:
        """Return its size in bytes."""
        return self.path.stat().st_size

    def open(self) -> AbstractContextManager[IO[bytes]]:
        """Return a stream from its beginning; it need not be one in which one can go back."""
        return self.path.open("rb")


class Sender:
    """Sends files into ``root``/staging."""

    def __init__(self, run: Run, root: str, say: Callable[[str], None]) -> None:
        """``run`` executes a command on the robot; ``say`` tells a person what goes over the wire."""
        self._run, self._root, self._say = run, root, say

    def send(
        self, source: Path | Content, what: str, staged: Sequence[Mapping[str, Any]] | None, note: str = ""
    ) -> str:
        """Send it unless it is there whole; return its path on the robot. ``staged``: what lies there.

        Nobody asked yet (None): `NoFolderError` where the robot has no ``root``, which may refuse to get one.
        """
        content = Content(source) if isinstance(source, Path) else source
        target = f"{self._root}/staging/{content.name}"
        size = content.size
        start = arrived(content, staged or ())
        if start == size:
            return target
        resumed = f", going on at {megabytes(start)}" if start else ""
        self._say(f"sending {what} ({megabytes(size - start)}{resumed}{note})")
        quoted = shlex.quote(target)
        root = shlex.quote(self._root)
        # whatever is missing above the root is not made for root alone: nobody else would come to the root itself
        make = f"umask 022 && mkdir -p {root}" if staged is not None else f"{{ test -d {root} || exit {NO_FOLDER}; }}"
        prepare = f"{make} && umask 077 && mkdir -p {root}/staging && "
        with content.open() as stream:
            for _ in _pieces(stream, start):
                pass  # there already
            while piece := stream.read(PIECE):
                # Whatever lies behind is cut off first, so that a command which is repeated does no harm; what is on
                # the disk afterwards survives a power cut, and need not stay in memory.
                write = f"truncate -s {start} {quoted} && dd of={quoted} bs=64k iflag=fullblock"
                write += f" oflag=seek_bytes seek={start} conv=notrunc,fdatasync status=none"
                code, words = self._run(f"{prepare}{{ {write} || {_given_up(quoted)}; }}", piece)
                if code == NO_FOLDER and staged is None:
                    raise NoFolderError(f"{self._root} is not there")
                if code:
                    raise SendingError(f"{what} could not be staged on the robot: {words.strip()}")
                start += len(piece)
        return target


def _given_up(target: str) -> str:
    """Return the command for a piece that was not written: what has filled the disk goes, or nothing else can work.

    What is on a disk with room stays, and is gone on with.
    """
    free = f"$(stat -f -c '%a * %S' {target})"
    return f"{{ code=$?; test $(({free})) -ge {PIECE} || rm -f {target}; exit $code; }}"


def arrived(content: Content, staged: Staged) -> int:
    """Return how many bytes of it the robot has already; a part that is not its beginning counts for nothing."""
    for part in staged:
        if part["name"] == content.name and 0 < part["bytes"] <= content.size:
            if part["digest"] == digest_of_beginning(content, part["bytes"]):
                return int(part["bytes"])
            break
    return 0


def _pieces(stream: IO[bytes], size: int) -> Iterator[bytes]:
    """Yield the next ``size`` bytes of a stream, or what there is."""
    while size > 0 and (piece := stream.read(min(1 << 20, size))):
        yield piece
        size -= len(piece)


def digest_of_beginning(content: Content, size: int) -> str:
    """Return the SHA-256 of its first ``size`` bytes."""
    digest = hashlib.sha256()
    with content.open() as stream:
        for piece in _pieces(stream, size):
            digest.update(piece)
    return "sha256:" + digest.hexdigest()


def megabytes(size: int) -> str:
    """Return a size for people."""
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} KB"
