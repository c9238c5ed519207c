"""Reading an archive that a robot has made: nothing in its headers is taken for granted."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from typing import Any

from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.backup.swap import safe

LARGEST_HEADER = 64 * 1024  # bytes of a pax header, which a reader holds in memory
KINDS = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE, tarfile.XHDTYPE)


class Header(tarfile.TarInfo):
    """A header of the few kinds that our archives have, with a size that can be."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Header:
        """Read one block; raise ValueError for what does not belong in a backup."""
        found = super().frombuf(buf, encoding, errors)
        if found.type not in KINDS:
            raise ValueError(f"{found.name!r} does not belong in a backup")
        if found.size < 0 or (found.type == tarfile.XHDTYPE and found.size > LARGEST_HEADER):
            raise ValueError(f"{found.name!r} says that it has {found.size} bytes")
        return found


def members(stream: Any) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    """Yield each file and directory of an archive, in its order, once its name and size are known to be possible."""
    with tarfile.open(fileobj=stream, mode="r|", tarinfo=Header) as archive:
        for member in archive:
            archive.members = []  # type: ignore[attr-defined]  # else it remembers each of them
            safe(member)
            if member.size < 0 or member.issparse() or (member.isdir() and member.size):
                raise ValueError(f"{member.name!r} says that it has {member.size} bytes")
            yield archive, member
