"""Backups as files on the controller: DIRECTORY/TIME.tar.gz, and beside it its digest as sha256sum writes it.

Where it is encrypted its name ends in .age, and the digest is that of the encrypted file.

An archive is many gzip members one after the other, which is one gzip file. Its first file says what it is.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import io
import json
import math
import os
import tarfile
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, cast

from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.backup import tar_stream
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.backup.swap import MANIFEST
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.base.files import file_digest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records.record_file import too_new

from ..needs.transfer import Content
from ..whole_file import whole, written
from . import age, strict

__all__ = ["Backup", "BackupFileError", "Writer", "checked", "newest", "sole", "tar_stream"]

SUFFIX = ".tar.gz"
FORMAT = 1
LARGEST_MANIFEST = 64 * 1024
PIECE = 1 << 20
MANIFEST_TYPES: dict[str, Any] = {"robot": str, "moment": (int, float), "series": int, "version": str}
# VictoriaMetrics keeps its samples here, in every version since 2018.
ESSENTIAL = "data/small/"


class BackupFileError(RuntimeError):
    """A backup that must not be restored; the message says why."""


@dataclass(frozen=True)
class Backup:
    """A backup that was read through from its beginning to its end."""

    content: Content
    digest: str
    about: dict[str, Any]
    unpacked: int
    files: int

    @property
    def path(self) -> Path:
        """The file on this machine."""
        return self.content.path


@contextmanager
def sole(directory: Path) -> Iterator[None]:
    """Let one backup at a time be written into ``directory``; raise `BackupFileError` where another one is.

    Where it was made for one that does not come about, it goes again.
    """
    made = not directory.exists()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupFileError(f"another backup into {directory} is at work: wait for it, or end it") from None
        except OSError:
            pass  # a file system without locks
        yield
    finally:
        if made:
            with suppress(OSError):  # it holds a backup
                directory.rmdir()
        os.close(handle)


class Writer:
    """Use as a context: the archive has its name when all of it is on disk, and does not exist where that fails."""

    def __init__(
        self, directory: Path, about: dict[str, Any], now: float, recipients: age.Recipients | None = None
    ) -> None:
        """``about`` becomes the first file of the archive; with ``recipients`` it is encrypted for them."""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
        self.path = directory / f"{moment}{SUFFIX}{age.SUFFIX if recipients else ''}"
        self._recipients = recipients
        self._encryption: age.Encryption | None = None
        self._partial = self.path.with_name(f".{self.path.name}.partial")
        self._about = {"format": FORMAT, **about}
        self.size = 0  # bytes, before encryption

    def __enter__(self) -> Writer:
        """Begin; partial ones of runs that were cut off go."""
        for stale in self.path.parent.glob(".*.partial"):
            stale.unlink()
        self._file = os.fdopen(os.open(self._partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        self._encryption = self._recipients.encrypting(self._file) if self._recipients else None
        content = json.dumps(self._about, indent=1, sort_keys=True).encode() + b"\n"
        info = tarfile.TarInfo(MANIFEST)
        info.size, info.mode, info.mtime = len(content), 0o644, int(self._about["moment"])
        padding = bytes(-len(content) % tarfile.BLOCKSIZE)
        self.add(gzip.compress(info.tobuf(tarfile.PAX_FORMAT) + content + padding))
        return self

    def add(self, packed: bytes) -> None:
        """Append one gzip member."""
        (self._encryption or self._file).write(packed)
        self.size += len(packed)

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        """Give it its name, or leave nothing behind."""
        try:
            if kind is None:
                self._finish()
            elif self._encryption:
                self._encryption.give_up()
        finally:
            try:
                self._file.close()  # which writes what is left, and fails on a full disk as well
            finally:
                self._partial.unlink(missing_ok=True)

    def _finish(self) -> None:
        if self._encryption:
            self._encryption.finish()
        self._file.flush()
        os.fsync(self._file.fileno())
        digest = file_digest(self._partial).partition(":")[2]
        with whole(digest_of(self.path)) as file:
            file.write_text(f"{digest}  {self.path.name}\n", encoding="ascii")
        self._partial.replace(self.path)
        written(self.path.parent)


def digest_of(archive: Path) -> Path:
    """Return the file that holds an archive's digest."""
    return archive.with_name(f"{archive.name}.sha256")


def newest(directory: Path, before: Path | None = None) -> Path:
    """Return the latest archive of a directory; raise `BackupFileError` where there is none.

    ``before`` is where an earlier version kept them: nothing is taken from there, but the error names it.
    """
    found = _archives(directory)
    if found:
        return found[-1]
    if before and _archives(before):
        raise BackupFileError(
            f"{directory} holds no backup. {before} does, where an earlier version kept them: move it, or name it with "
            f"-e backup_directory={before.parent}"
        )
    raise BackupFileError(f"{directory} holds no backup: name one with -e restore_archive=FILE")


def _archives(directory: Path) -> list[Path]:
    found = [*directory.glob(f"*{SUFFIX}"), *directory.glob(f"*{SUFFIX}{age.SUFFIX}")]
    return sorted(path for path in found if not path.name.startswith("."))


def checked(path: Path, identity: str = "") -> Backup:
    """Read a backup through and return what it is, or raise `BackupFileError`: nothing of it may be used then.

    ``identity`` is the file with the key of an encrypted one.
    """
    try:
        words = digest_of(path).read_text(encoding="ascii").split()
    except (OSError, ValueError) as error:
        raise BackupFileError(f"{digest_of(path)}, the digest of the backup, cannot be read: {error}") from None
    if not words:
        raise BackupFileError(
            f"{digest_of(path)}, the digest of the backup, is empty, as a power cut leaves it: restore another one, or "
            f"work it out anew (in {path.parent}: sha256sum {path.name} >{digest_of(path).name}). The archive is read "
            "through to its end in any case"
        )
    wanted = words[0]
    try:
        found = file_digest(path)
        if found != f"sha256:{wanted}":
            raise BackupFileError(f"{path} is damaged: its digest is {found}, it was sha256:{wanted}")
        return _read(age.Decrypted(path, identity) if path.name.endswith(age.SUFFIX) else Content(path))
    except age.AgeError as error:
        raise BackupFileError(str(error)) from None
    except (OSError, EOFError, zlib.error, tarfile.TarError, ValueError, KeyError, RecursionError) as error:
        raise BackupFileError(f"{path} is no backup of this project: {error}") from None


class _Seen:
    """A stream that tells the size and the digest of what was read of it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self.size, self._digest = stream, 0, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        content = self._stream.read(size)
        self.size += len(content)
        self._digest.update(content)
        return content

    @property
    def digest(self) -> str:
        return f"sha256:{self._digest.hexdigest()}"


def _read(content: Content) -> Backup:
    """Read it to its end, through age where it is encrypted: what was checked is what will be sent."""
    with content.open() as stream:
        seen = _Seen(stream)
        about, unpacked, files = _looked_through(cast("Any", seen))
        while seen.read(PIECE):
            pass
    if isinstance(content, age.Decrypted):
        content.size = seen.size
    return Backup(content, seen.digest, {key: about[key] for key in MANIFEST_TYPES}, unpacked, files)


def _looked_through(stream: Any) -> tuple[dict[str, Any], int, int]:
    """Return what an archive says of itself, the bytes of its files, and how many these are."""
    about: dict[str, Any] = {}
    unpacked = files = 0
    names = set()
    with gzip.open(stream) as raw:
        for archive, member in strict.members(io.BufferedReader(cast("Any", raw))):
            if not about:
                about = _manifest(archive, member)
                continue
            if member.name == MANIFEST:
                raise ValueError(f"it has a second {MANIFEST}")
            names.add("/".join([*member.name.split("/")[:2], ""]))
            unpacked, files = unpacked + member.size, files + member.isreg()
            if unpacked > about.get("bytes", math.inf):
                raise ValueError(f"it holds more than the {about['bytes']} bytes that its {MANIFEST} says")
    if ESSENTIAL not in names:
        raise ValueError(f"it lacks {MANIFEST}, or {ESSENTIAL}")
    return about, unpacked, files


def _manifest(archive: tarfile.TarFile, member: tarfile.TarInfo) -> dict[str, Any]:
    """Return what the first file of an archive says of it."""
    content = archive.extractfile(member) if member.name == MANIFEST else None
    if content is None:
        raise ValueError(f"its first file is not {MANIFEST}")
    if member.size > LARGEST_MANIFEST:
        raise ValueError(f"{MANIFEST} has {member.size} bytes, more than {LARGEST_MANIFEST}")
    return _known(json.loads(content.read()))


def _known(about: Any) -> dict[str, Any]:
    """Return what is used of a manifest, a later version's as well; raise ValueError where that is not in it."""
    if not isinstance(about, dict) or not _is(about.get("format"), int):
        raise ValueError(f"{MANIFEST} has no format number")
    if too_new(about, FORMAT):
        raise ValueError(f"{MANIFEST} {too_new(about, FORMAT)}")
    bad = [key for key, kind in MANIFEST_TYPES.items() if not _is(about.get(key), kind)]
    bad += ["moment"] if not bad and not 0 <= about["moment"] < math.inf else []
    if bad:
        newer = f" (format {about['format']}, this version writes {FORMAT})" if about["format"] > FORMAT else ""
        raise ValueError(f"{MANIFEST}{newer} does not say {', '.join(bad)}")
    if "bytes" in about and not (_is(about["bytes"], int) and about["bytes"] >= 0):
        raise ValueError(f"{MANIFEST} does not say how many bytes there are")
    return about


def _is(value: Any, kind: Any) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)
