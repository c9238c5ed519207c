"""How samples of a backup take the place of those on a robot. Files only; the database must not run meanwhile.

Everything happens inside the data directory, which may be a disk of its own. VictoriaMetrics does not start while the
file restore-in-progress lies there: whatever is cut off in the middle is undone first, and never served.
Source: lib/storage (RestoreInProgressFilename) of https://github.com/VictoriaMetrics/VictoriaMetrics
"""

from __future__ import annotations

import gzip
import os
import shutil
import tarfile
from pathlib import Path

from ..base.files import make_folders
from ..base.folder import Folder
from ..host import disk_space

GUARD = "restore-in-progress"
# BEFORE is what the restored samples replaced, for as long as nobody has seen the database find those; DONE: afterwards
NEW, LEAVING, BEFORE, DONE = (f".robot-stack-{name}" for name in ("new", "leaving", "before", "done"))
OURS = (GUARD, NEW, LEAVING, BEFORE, DONE)
# root's own, where the data are a disk of their own: a new one has it, and holds no samples yet
OF_THE_DISK = "lost+found"
MANIFEST = "robot-stack-backup.json"
COPIED_AT_ONCE = 1 << 20


def entries(data: Path) -> list[str]:
    """Return the names of what the database keeps; none: it has kept nothing yet."""
    if not data.is_dir():
        return []
    with Folder.at(data) as folder:
        return _entries(folder)


def _entries(folder: Folder) -> list[str]:
    names = [name for name in folder.names() if name not in OURS]
    return [name for name in names if not (name == OF_THE_DISK and folder.holds_ours(name))]


def kept(data: Path) -> list[str]:
    """Return the names of what would be lost; where a restore was cut off, what `recover` would put back is that.

    Where it was cut off when the database was to be asked, that one may have gone on with what was restored.
    """
    if not data.is_dir():
        return []
    with Folder.at(data) as folder:
        if folder.status(GUARD) and folder.holds_ours(BEFORE):
            return _entries_of(folder, BEFORE)
        return _entries(folder) + _entries_of(folder, LEAVING) + _entries_of(folder, BEFORE)


def _entries_of(folder: Folder, name: str) -> list[str]:
    """Return what was set aside; where that is not root's own directory, the database's user has put it there."""
    if not folder.holds_ours(name):
        return []
    with folder.inside(name) as aside:
        return _entries(aside)


def unended(data: Path) -> bool:
    """Whether a restore was cut off between `swap` and `keep`: the database can serve, and what was before is there."""
    if not data.is_dir():
        return False
    with Folder.at(data) as folder:
        return folder.status(GUARD) is None and folder.holds_ours(BEFORE)


def left_over(data: Path) -> int:
    """Return the bytes of an earlier restore that the next one frees before it lays anything there."""
    return sum(disk_space.used(data / name) for name in (NEW, DONE))


def unpack(archive: Path, data: Path, uid: int, gid: int) -> None:
    """Lay the archive's files beside those of the database, owned by its user, in a folder that only root enters."""
    make_folders(data)
    with Folder.at(data) as folder:
        folder.remove(NEW)
        os.fchmod(folder.descriptor, 0o750)
        os.fchown(folder.descriptor, uid, gid)
        with folder.make(NEW) as target, gzip.open(archive) as raw, tarfile.open(fileobj=raw, mode="r|") as members:
            for member in members:
                members.members = []  # type: ignore[attr-defined]  # else it remembers each of them
                if safe(member) != MANIFEST:
                    _lay(members, member, target, (uid, gid))
    os.sync()


def _lay(members: tarfile.TarFile, member: tarfile.TarInfo, target: Folder, owner: tuple[int, int]) -> None:
    parts = Path(member.name).parts
    with target.down(*parts[:-1]) as folder:
        if member.isdir():
            if folder.holds_folder(parts[-1]):
                return
            with folder.make(parts[-1]) as made:
                os.fchmod(made.descriptor, 0o750)
                os.fchown(made.descriptor, *owner)
            return
        content = members.extractfile(member)
        if content is None:
            raise ValueError(f"{member.name} has no content")
        folder.remove(parts[-1])
        with folder.create(parts[-1]) as file:
            shutil.copyfileobj(content, file, COPIED_AT_ONCE)
            os.fchmod(file.fileno(), 0o640)
            os.fchown(file.fileno(), *owner)


def safe(member: tarfile.TarInfo) -> str:
    """Return the member's name where it is a file or directory inside of the archive; raise ValueError else."""
    parts = Path(member.name).parts
    if not parts or member.name.startswith("/") or ".." in parts or not (member.isreg() or member.isdir()):
        raise ValueError(f"{member.name!r} does not belong in a backup")
    return member.name


def swap(data: Path) -> None:
    """Put what was unpacked into place; what was there before is kept until `keep` or `undo`."""
    with Folder.at(data) as folder:
        _guard(folder)
        with folder.make(LEAVING) as leaving:
            for name in _entries(folder):
                folder.move(name, leaving)
        folder.move(LEAVING, folder, BEFORE)
        with folder.inside(NEW) as new:
            for name in new.names():
                new.move(name, folder)
        folder.remove(NEW)
        os.sync()
        folder.remove(GUARD)


def undo(data: Path) -> None:
    """Put back what was there before `swap`, however far that came; safe to be cut off and done again."""
    if not data.is_dir():
        return
    with Folder.at(data) as folder:
        if folder.holds_ours(BEFORE):
            _guard(folder)
            for name in _entries(folder):
                folder.remove(name)
            _drop_others(folder, LEAVING)
            folder.move(BEFORE, folder, LEAVING)  # from here on nothing in place is the backup's
        if folder.holds_ours(LEAVING):
            with folder.inside(LEAVING) as leaving:
                for name in leaving.names():
                    leaving.move(name, folder)
        for name in (LEAVING, BEFORE, NEW):
            folder.remove(name)
        os.sync()
        folder.remove(GUARD)


def keep(data: Path) -> None:
    """The restored samples were found: what was there before goes."""
    with Folder.at(data) as folder:
        folder.remove(DONE)
        folder.move(BEFORE, folder, DONE)
        os.sync()
        _tidy(folder)


def recover(data: Path) -> None:
    """Undo what an earlier restore left half done, and remove what a finished one left over."""
    if not data.is_dir():
        return
    with Folder.at(data) as folder:
        if any(folder.status(name) for name in (GUARD, LEAVING, BEFORE)):
            undo(data)
        _tidy(folder)


def _guard(folder: Folder) -> None:
    folder.remove(GUARD)
    folder.create(GUARD, 0o644).close()


def _drop_others(folder: Folder, name: str) -> None:
    """Remove what bears a name of ours and is not root's directory: the database's user has put it there."""
    if not folder.holds_ours(name):
        folder.remove(name)


def _tidy(folder: Folder) -> None:
    for name in (NEW, DONE):
        folder.remove(name)
