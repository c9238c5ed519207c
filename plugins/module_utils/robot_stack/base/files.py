"""Files that this project owns on a robot: compared whole, written whole, shown as a diff unless sensitive."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .folder import Folder

PARTIAL = ".robot-stack-"
REDACTED = "(sensitive: content is not shown)\n"


@dataclass(frozen=True)
class DesiredFile:
    """A file as it shall be at the robot's absolute ``path``."""

    path: str
    content: str
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    sensitive: bool = False


@dataclass(frozen=True)
class FoundFile:
    """A file as it is; content is None where it is no readable text."""

    content: str | None
    mode: int
    uid: int
    gid: int


@dataclass(frozen=True)
class DesiredFolder:
    """A folder of ours, as it shall be at the robot's absolute ``path``, whatever the umask of who made it."""

    path: str
    mode: int = 0o755
    uid: int = 0
    gid: int = 0


@dataclass(frozen=True)
class FoundFolder:
    """A folder as it is."""

    mode: int
    uid: int
    gid: int


def find_folder(path: Path) -> FoundFolder | None:
    """Return the folder at ``path``, None where there is none; raise OSError where that cannot be seen."""
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not stat.S_ISDIR(status.st_mode):
        return None
    return FoundFolder(stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid)


def folder_equal(desired: DesiredFolder, found: FoundFolder) -> bool:
    """Whether the robot's folder needs no change."""
    return found == FoundFolder(desired.mode, desired.uid, desired.gid)


def make_folders(path: Path) -> None:
    """Make ``path`` and what is missing above it, for everybody to enter, whatever the umask says."""
    if path.is_dir():
        return
    make_folders(path.parent)
    path.mkdir(exist_ok=True)
    path.chmod(0o755)


def put_right(desired: DesiredFolder, root: Path) -> None:
    """Give a folder below ``root`` its mode and owner."""
    with Folder.at(root / desired.path.lstrip("/")) as folder:
        os.fchown(folder.descriptor, desired.uid, desired.gid)  # which may take bits of the mode away
        os.fchmod(folder.descriptor, desired.mode)


def find(path: Path) -> FoundFile | None:
    """Return the regular file at ``path``, None where there is none; raise OSError where that cannot be seen."""
    try:
        status = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not stat.S_ISREG(status.st_mode):
        return FoundFile(None, 0, status.st_uid, status.st_gid)
    try:
        content: str | None = path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        content = None
    return FoundFile(content, stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid)


def equal(desired: DesiredFile, found: FoundFile | None) -> bool:
    """Whether the robot's file needs no change."""
    return found == FoundFile(desired.content, desired.mode, desired.uid, desired.gid)


def difference(desired: DesiredFile, found: FoundFile | None) -> dict[str, str]:
    """Return an Ansible diff; a sensitive file shows that it changes, never what it holds."""
    header = f"{desired.path} (mode {desired.mode:04o}, owner {desired.uid}:{desired.gid})"
    before_header = (
        header if found is None else f"{desired.path} (mode {found.mode:04o}, owner {found.uid}:{found.gid})"
    )
    before = "" if found is None else (found.content or "")
    if desired.sensitive:
        before, after = (REDACTED if found else ""), REDACTED.replace("not shown", "not shown, new")
    else:
        after = desired.content
    return {"before_header": before_header, "after_header": header, "before": before, "after": after}


def write(desired: DesiredFile, root: Path, changed_at: int | None = None) -> None:
    """Replace the file below ``root`` in one step; owner and mode are right before it bears its name.

    ``changed_at``: the time of its last change, nanoseconds since 1970; None: now.
    """
    target = root / desired.path.lstrip("/")
    make_folders(target.parent)
    if target.is_dir() and not target.is_symlink():
        raise IsADirectoryError(f"{desired.path} is a directory; remove it and run again")
    for stale in target.parent.glob(f"{PARTIAL}*"):  # of a run that lost its power; one run at a time writes here
        stale.unlink()
    handle, temporary = tempfile.mkstemp(prefix=PARTIAL, dir=str(target.parent))
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            os.fchmod(stream.fileno(), desired.mode)
            os.fchown(stream.fileno(), desired.uid, desired.gid)
            stream.write(desired.content)
            stream.flush()
            os.fsync(stream.fileno())
            if changed_at is not None:
                os.utime(stream.fileno(), ns=(changed_at, changed_at))
        Path(temporary).replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        for piece in iter(lambda: stream.read(1 << 20), b""):
            digest.update(piece)
    return "sha256:" + digest.hexdigest()
