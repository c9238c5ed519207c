"""Directories in which a container can write, for root to work in: no link there is followed, whatever is exchanged.

A `Folder` is a directory that is held open. What is done in it goes by its descriptor and one plain name, so that
nothing between the two can be swapped for a link; a walk goes down in the same way, so deep and to so many entries.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

OPENED = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
MADE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
DEEPEST = 32  # a database's files are five folders down
MOST_ENTRIES = 100_000  # a database has some hundred


class Folder:
    """A directory that is held open; use as a context. Every method raises OSError, and takes plain names."""

    def __init__(self, descriptor: int) -> None:
        """Take over an open ``descriptor``."""
        self.descriptor = descriptor

    @classmethod
    def at(cls, path: Path) -> Folder:
        """Open ``path``; the folders above it are root's. Its last name is no link, but for one of root's there."""
        return cls(os.open(path.resolve() if _link_of_root(path) else path, OPENED))

    def __enter__(self) -> Folder:
        """Return it."""
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        """Close it."""
        os.close(self.descriptor)

    def inside(self, name: str) -> Folder:
        """Open the directory ``name``."""
        return Folder(os.open(_plain(name), OPENED, dir_fd=self.descriptor))

    def down(self, *names: str) -> Folder:
        """Open the directory at the end of ``names``; without any, this one a second time."""
        with ExitStack() as opened:
            here = opened.enter_context(Folder(os.dup(self.descriptor)))
            for name in names:
                here = opened.enter_context(here.inside(name))
            return Folder(os.dup(here.descriptor))

    def names(self) -> list[str]:
        """Return the names of what is in it, sorted."""
        return sorted(os.listdir(self.descriptor))  # noqa: PTH208 (a Path knows no descriptors)

    def status(self, name: str) -> os.stat_result | None:
        """Return the status of ``name``, of the link itself where it is one; None where there is nothing."""
        with suppress(FileNotFoundError):
            return os.stat(_plain(name), dir_fd=self.descriptor, follow_symlinks=False)
        return None

    def holds_folder(self, name: str) -> bool:
        """Whether ``name`` is a directory, and no link to one."""
        status = self.status(name)
        return status is not None and stat.S_ISDIR(status.st_mode)

    def holds_disk(self, name: str) -> bool:
        """Whether ``name`` is a directory on another file system: one that is mounted there."""
        status = self.status(name)
        here = os.fstat(self.descriptor).st_dev
        return status is not None and stat.S_ISDIR(status.st_mode) and status.st_dev != here

    def holds_ours(self, name: str) -> bool:
        """Whether ``name`` is a directory that root made: nobody else can make one that is root's."""
        status = self.status(name)
        return status is not None and stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()

    def make(self, name: str, mode: int = 0o700) -> Folder:
        """Make the directory ``name``, which must not be there, and open it."""
        os.mkdir(_plain(name), mode, dir_fd=self.descriptor)
        return self.inside(name)

    def create(self, name: str, mode: int = 0o600) -> BinaryIO:
        """Make the file ``name``, which must not be there, and open it."""
        return os.fdopen(os.open(_plain(name), MADE, mode, dir_fd=self.descriptor), "wb")

    def move(self, name: str, to: Folder, new_name: str = "") -> None:
        """Rename ``name`` into the folder ``to``; a link is moved itself."""
        os.rename(_plain(name), _plain(new_name or name), src_dir_fd=self.descriptor, dst_dir_fd=to.descriptor)

    def own(self, name: str, uid: int, gid: int) -> None:
        """Give ``name``, and where it is a link that link itself, another owner."""
        os.chown(_plain(name), uid, gid, dir_fd=self.descriptor, follow_symlinks=False)

    def remove(self, name: str) -> None:
        """Remove ``name`` with all that is in it, however deep; nothing there is fine.

        A disk of its own is emptied, and stays mounted, with the folders above it.
        """
        status = self.status(name)
        if status is None:
            return
        if not stat.S_ISDIR(status.st_mode):
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=self.descriptor)
            return
        with self.inside(name) as tree:
            disks = tree.empty()
        if not disks and not self.holds_disk(name):
            os.rmdir(name, dir_fd=self.descriptor)

    def empty(self) -> set[str]:
        """Remove all that is in it, but for disks; return the names of what stays for their sake.

        What is deep is moved up first: it costs neither descriptors nor a stack. A disk cannot be moved; one is looked
        for two folders down. Ours for data are one down, and nobody mounts anything in what a service has made.
        """
        moved, disks = 0, set[str]()
        while True:
            names = [name for name in self.names() if name not in disks]
            if not names:
                return disks
            for name in names:
                if not self.holds_folder(name):
                    self.remove(name)
                    continue
                with self.inside(name) as below:
                    if self.holds_disk(name):
                        below.empty()
                        disks.add(name)
                        continue
                    for inner in below.names():
                        if below.holds_disk(inner):
                            below.remove(inner)
                            disks.add(name)
                        elif below.holds_folder(inner):
                            moved += 1
                            below.move(inner, self, _unused(self, moved))
                        else:
                            below.remove(inner)
                if name not in disks:
                    with suppress(FileNotFoundError):
                        os.rmdir(name, dir_fd=self.descriptor)

    def walk(self, deepest: int = DEEPEST, most: int = MOST_ENTRIES) -> Iterator[tuple[Folder, str, os.stat_result]]:
        """Yield each entry below, as its folder, name and status; what vanishes meanwhile is left out.

        At most ``most`` entries, and no more than ``deepest`` folders down.
        """
        with ExitStack() as first:
            levels = [(first.enter_context(self.down()), iter(self.names()))]
            try:
                while levels:
                    here, names = levels[-1]
                    name = next(names, None)
                    if name is None:
                        levels.pop()
                        if levels:
                            os.close(here.descriptor)
                        continue
                    status = here.status(name)
                    if status is None:
                        continue
                    most -= 1
                    if most < 0:
                        return
                    yield here, name, status
                    if stat.S_ISDIR(status.st_mode) and len(levels) < deepest:
                        with suppress(OSError):  # gone, or exchanged for a link
                            below = here.inside(name)
                            levels.append((below, iter(below.names())))
            finally:
                for here, _ in levels[1:]:
                    os.close(here.descriptor)


def remove_tree(path: Path) -> None:
    """Remove the directory ``path``, in which containers may write; raise OSError, for a link as well."""
    with Folder.at(path.parent) as above:
        if not above.holds_folder(path.name):
            raise NotADirectoryError(f"{path} is no directory")
        above.remove(path.name)


def _link_of_root(path: Path) -> bool:
    """Whether ``path`` is a link that root made where nobody else can: to a disk, as a rule."""
    try:
        link, above = path.lstat(), path.parent.stat()
    except OSError:
        return False
    closed = above.st_uid == os.geteuid() and not above.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return stat.S_ISLNK(link.st_mode) and link.st_uid == os.geteuid() and closed


def _plain(name: str) -> str:
    if not name or "/" in name or name in (".", ".."):
        raise OSError(f"{name!r} is no plain name")
    return name


def _unused(folder: Folder, number: int) -> str:
    name = f".robot-stack-gone-{number}"
    while folder.status(name) is not None:
        name += "_"
    return name
