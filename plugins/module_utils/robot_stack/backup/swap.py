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

GUARD = "restore-in-progress"
# BEFORE is what the restored samples replaced, for as long as nobody has seen the database find those; DONE: afterwards
NEW, LEAVING, BEFORE, DONE = (f".robot-stack-{name}" for name in ("new", "leaving", "before", "done"))
OURS = (GUARD, NEW, LEAVING, BEFORE, DONE)
MANIFEST = "robot-stack-backup.json"
COPIED_AT_ONCE = 1 << 20


def entries(data: Path) -> list[str]:
    """Return the names of what the database keeps; none: it has kept nothing yet."""
    return sorted(path.name for path in data.iterdir() if path.name not in OURS) if data.is_dir() else []


def kept(data: Path) -> list[str]:
    """Return the names of what would be lost; where a restore was cut off, what `recover` would put back is that.

    Where it was cut off when the database was to be asked, that one may have gone on with what was restored.
    """
    if (data / GUARD).exists() and (data / BEFORE).is_dir():
        return entries(data / BEFORE)
    return entries(data) + entries(data / LEAVING) + entries(data / BEFORE)


def unfinished(data: Path) -> bool:
    """Return whether a restore was cut off before its outcome was known."""
    return any((data / name).exists() for name in (GUARD, LEAVING, BEFORE))


def unpack(archive: Path, data: Path, uid: int, gid: int) -> None:
    """Lay the archive's files beside those of the database, owned by its user."""
    target = data / NEW
    shutil.rmtree(target, ignore_errors=True)
    data.mkdir(parents=True, exist_ok=True)
    _own(data, 0o750, uid, gid)
    target.mkdir()
    _own(target, 0o750, uid, gid)
    with gzip.open(archive) as raw, tarfile.open(fileobj=raw, mode="r|") as members:
        for member in members:
            members.members = []  # type: ignore[attr-defined]  # else it remembers each of them
            path = target / safe(member)
            if member.name == MANIFEST:
                continue
            if member.isdir():
                path.mkdir(exist_ok=True)
                _own(path, 0o750, uid, gid)
                continue
            content = members.extractfile(member)
            if content is None:
                raise ValueError(f"{member.name} in {archive.name} has no content")
            with path.open("wb") as file:
                shutil.copyfileobj(content, file, COPIED_AT_ONCE)
            _own(path, 0o640, uid, gid)
    os.sync()


def safe(member: tarfile.TarInfo) -> str:
    """Return the member's name where it is a file or directory inside of the archive; raise ValueError else."""
    parts = Path(member.name).parts
    if not parts or member.name.startswith("/") or ".." in parts or not (member.isreg() or member.isdir()):
        raise ValueError(f"{member.name!r} does not belong in a backup")
    return member.name


def swap(data: Path) -> None:
    """Put what was unpacked into place; what was there before is kept until `keep` or `undo`."""
    (data / GUARD).touch()
    (data / LEAVING).mkdir()
    for name in entries(data):
        (data / name).rename(data / LEAVING / name)
    (data / LEAVING).rename(data / BEFORE)
    for path in sorted((data / NEW).iterdir()):
        path.rename(data / path.name)
    (data / NEW).rmdir()
    os.sync()
    (data / GUARD).unlink()


def undo(data: Path) -> None:
    """Put back what was there before `swap`, however far that came; safe to be cut off and done again."""
    if (data / BEFORE).is_dir():
        (data / GUARD).touch()
        for name in entries(data):
            _drop(data / name)
        (data / BEFORE).rename(data / LEAVING)  # from here on nothing in place is the backup's
    if (data / LEAVING).is_dir():
        for path in sorted((data / LEAVING).iterdir()):
            path.rename(data / path.name)
        (data / LEAVING).rmdir()
    shutil.rmtree(data / NEW, ignore_errors=True)
    os.sync()
    (data / GUARD).unlink(missing_ok=True)


def keep(data: Path) -> None:
    """The restored samples were found: what was there before goes."""
    (data / BEFORE).rename(data / DONE)
    os.sync()
    _tidy(data)


def recover(data: Path) -> None:
    """Undo what an earlier restore left half done, and remove what a finished one left over."""
    if unfinished(data):
        undo(data)
    _tidy(data)


def _tidy(data: Path) -> None:
    for name in (NEW, DONE):
        shutil.rmtree(data / name, ignore_errors=True)


def _own(path: Path, mode: int, uid: int, gid: int) -> None:
    path.chmod(mode)
    os.chown(path, uid, gid)


def _drop(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
