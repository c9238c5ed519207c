"""A directory as a tar archive that can be read in pieces, from any offset: nothing is kept on the robot in between.

What lies there must not change meanwhile, as in a snapshot. Links are followed: VictoriaMetrics makes its snapshots of
them. This file stands alone: the controller sends its text to the robot's Python, once for each piece.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import stat
import sys
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

BLOCK = 512
END = 2 * BLOCK  # of zeros
MARK = b"robot-stack piece "
DEEPEST = 16  # a database has its files five folders down
MOST_MEMBERS = 200_000
READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY  # a pipe must not make root wait


@dataclass(frozen=True)
class Member:
    """One file, or directory (`size` 0), of the archive; `start` is where its header begins."""

    path: str
    header: bytes
    size: int
    start: int

    @property
    def end(self) -> int:
        """Where the next member begins."""
        return self.start + len(self.header) + -(-self.size // BLOCK) * BLOCK


def members(directory: str, within: str) -> Iterator[Member]:
    """Yield what lies below ``directory``, always in the same order. Raises OSError for a link out of ``within``.

    What lies there belongs to the database's user; root reads it, and must not be led to what is not that user's, nor
    around in circles: a link is followed where no link led before, and so far, and to so many files.
    """
    position, found, top = 0, 0, os.path.realpath(within)
    for folder, names in _folders(directory, top):
        for name in ["", *names]:
            path = os.path.join(folder, name) if name else folder  # noqa: PTH118 (a robot's Python, thousands of files)
            relative = os.path.relpath(path, directory)
            if relative == "." or not (name == "" or os.path.isfile(path)):  # noqa: PTH113 (as above)
                continue
            found += 1
            if found > MOST_MEMBERS:
                raise OSError(f"{directory} holds more than {MOST_MEMBERS} files: these are not a database's")
            status = os.stat(path)  # noqa: PTH116 (as above)
            info = tarfile.TarInfo(relative)
            info.type, info.mode = (tarfile.REGTYPE, 0o640) if name else (tarfile.DIRTYPE, 0o750)
            info.size, info.mtime = (status.st_size if name else 0), int(status.st_mtime)
            member = Member(path, info.tobuf(tarfile.PAX_FORMAT), info.size, position)
            position = member.end
            yield member


def _folders(directory: str, top: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each folder below ``directory`` with the names of what else is in it; see `members`."""
    waiting = [(directory, 0, False)]
    while waiting:
        folder, depth, linked = waiting.pop()
        _inside(os.path.realpath(folder), top)
        subfolders, names = list[str](), list[str]()
        with os.scandir(folder) as entries:
            for entry in entries:
                if len(subfolders) + len(names) > MOST_MEMBERS:
                    raise OSError(f"{folder} holds more than {MOST_MEMBERS} files: these are not a database's")
                (subfolders if entry.is_dir() else names).append(entry.name)
        yield folder, sorted(names)
        for name in sorted(subfolders, reverse=True):
            path = os.path.join(folder, name)  # noqa: PTH118 (as above)
            leads = os.path.islink(path)  # noqa: PTH114 (as above)
            if (leads and linked) or depth >= DEEPEST:
                raise OSError(f"{path} leads around in circles, or is too deep: no database lays it there")
            waiting.append((path, depth + 1, linked or leads))


def _inside(real: str, top: str) -> None:
    """Raise OSError unless ``real`` is ``top`` or below it; neither has a link in it."""
    if real != top and not real.startswith(top + "/"):
        raise OSError(f"{real} is not inside of {top}: a link leads out of the data to be backed up")


def size(directory: str, within: str) -> tuple[int, int]:
    """Return the bytes of the whole archive, and how many files are in it."""
    last, files = 0, 0
    for member in members(directory, within):
        last, files = member.end, files + (1 if member.header[156:157] != tarfile.DIRTYPE else 0)
    return last + END, files


def read(directory: str, within: str, offset: int, length: int) -> bytes:
    """Return at most ``length`` bytes of the archive from ``offset`` on."""
    found, stop, last = bytearray(), offset + length, 0
    for member in members(directory, within):
        last = member.end
        if member.end > offset and member.start < stop:
            found += _part(
                member, within, max(offset, member.start) - member.start, min(stop, member.end) - member.start
            )
    found += bytes(max(0, min(stop, last + END) - max(offset, last)))
    return bytes(found)


def _part(member: Member, within: str, first: int, last: int) -> bytes:
    """Return bytes ``first`` to ``last`` of one member: header, content, and zeros up to a whole block."""
    header = member.header[first:last]
    begin, end = (max(0, min(edge - len(member.header), member.size)) for edge in (first, last))
    content = b""
    if end > begin:
        with os.fdopen(os.open(member.path, READ), "rb") as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise OSError(f"{member.path} is no file any more")
            opened = os.readlink(f"/proc/self/fd/{stream.fileno()}")  # noqa: PTH115 (what was really opened)
            _inside(opened, os.path.realpath(within))
            stream.seek(begin)
            content = stream.read(end - begin)
        if len(content) != end - begin:
            raise OSError(f"{member.path} became shorter while it was read")
    return header + content + bytes(last - first - len(header) - len(content))


def serve(asked: Mapping[str, Any], out: BinaryIO) -> None:
    """Write a line that says what follows, then one piece, compressed; all pieces together are one gzip file."""
    raw = read(asked["directory"], asked["within"], asked["offset"], asked["length"])
    packed = gzip.compress(raw, compresslevel=1)
    told = {"bytes": len(raw), "packed": len(packed), "digest": hashlib.sha256(packed).hexdigest()}
    out.write(MARK + json.dumps(told).encode() + b"\n" + packed)
    out.flush()


if __name__ == "__main__":
    serve(json.loads(sys.argv[1]), sys.stdout.buffer)
