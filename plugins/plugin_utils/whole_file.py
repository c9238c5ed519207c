"""A file of the controller that is there whole or not at all, wherever a run is cut off."""

from __future__ import annotations

import fcntl
import glob
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SUFFIX = ".partial"
STALE_SECONDS = 24 * 3600  # where locks tell nothing: nobody is silent for so long over one file


@contextmanager
def whole(target: Path, mode: int | None = None) -> Iterator[Path]:
    """Yield an empty file beside ``target`` to write into; it takes its place at the end, and goes where that fails.

    ``mode`` holds before the first byte is written. Several processes may write the same file at once: each has an
    empty one of its own, and the last one to end has the last word. What a killed one left goes. Raises OSError.
    """
    _forget(target)
    partial, handle = _begun(target, 0o666 if mode is None else mode & 0o600)
    try:
        if mode is not None:
            partial.chmod(mode)
        yield partial
        written(partial)  # else a power cut soon afterwards leaves an empty file under the name
        partial.replace(target)
        written(target.parent)
    finally:
        partial.unlink(missing_ok=True)
        os.close(handle)


def written(path: Path) -> None:
    """Wait until a file, or what a folder lists, is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError:
        if not path.is_dir():  # of a folder not every file system can be asked
            raise
    finally:
        os.close(handle)


@contextmanager
def alone(target: Path) -> Iterator[None]:
    """Let one process at a time read ``target`` and write it anew; readers need not ask. Raises OSError."""
    handle = os.open(target.with_name(f".{target.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _begun(target: Path, mode: int) -> tuple[Path, int]:
    """Return a file with a name that nobody else has and no reader looks for, and its handle, which keeps it locked."""
    while True:
        partial = target.with_name(f".{target.name}.{secrets.token_hex(8)}{SUFFIX}")
        handle = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)
        with suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        if partial.exists():  # else somebody took it for stale before it was locked
            return partial, handle
        os.close(handle)


def _forget(target: Path) -> None:
    """Delete what killed processes have left of ``target``: their locks went with them."""
    for partial in target.parent.glob(f".{glob.escape(target.name)}.*{SUFFIX.lstrip('.')}"):
        with suppress(OSError):  # gone, no file of ours, or somebody else's: it is in nobody's way
            handle = os.open(partial, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                if _locked(handle) or time.time() - os.fstat(handle).st_mtime > STALE_SECONDS:
                    partial.unlink(missing_ok=True)
            finally:
                os.close(handle)


def _locked(handle: int) -> bool:
    """Lock the file if nobody else has, and the file system knows locks; return whether that was so."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
