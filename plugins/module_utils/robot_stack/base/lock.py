"""One run at a time changes a robot; the lock dies with its process. The watchdog holds it, too, while it looks.

It is in a folder that root alone can enter: whoever can open a lock can hold it. Until version 0.1 it was in
/run/lock, where any local user could. That one is taken as well, for as long as robots and controllers of that version
are about, and is waited for only where a process of root holds it.

A job that a timer starts, such as a hub's backup, may be at work for hours. It holds a lock of its own: nothing is
changed meanwhile, and the watchdog looks all the same.
"""

from __future__ import annotations

import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Callable

from .roots import Roots

FOLDER = "/run/robot-stack-lock"
FILE = f"{FOLDER}/lock"
JOB = "job"  # beside it: held by a job, and by whoever must not meet one
FILE_BEFORE = "/run/lock/robot-stack.lock"
# A run whose controller or connection was lost finishes its work: it is waited for.
PATIENCE_SECONDS = 120.0
INTERVAL_SECONDS = 0.1
OPENED = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class BusyError(RuntimeError):
    """Another run is at work on this robot."""


CHANGING = "another run is changing this robot; wait for it, or end it, then run again"
WORKING = (
    "a job, such as the hub's backup, is at work there; wait for it, or end it "
    "(systemctl stop 'robot-stack-*_backup.service'), then run again"
)


@contextmanager
def held(roots: Roots, patience_seconds: float = PATIENCE_SECONDS, *, beside_jobs: bool = False) -> Iterator[None]:
    """Hold the robot's lock; raise `BusyError` where somebody else has it for longer than that.

    ``beside_jobs``: whoever changes nothing that a job stands on need not wait for one.
    Raises OSError where its folder cannot be made, or is not root's alone.
    """
    deadline = time.monotonic() + patience_seconds
    handles = [_own(roots.path(FOLDER), "lock")]
    try:
        _take(handles[0], deadline)
        before = _before(roots.path(FILE_BEFORE))
        if before is not None:
            handles.append(before)
            _take(before, deadline, lambda: _older_run_holds(before, roots.proc))
        if not beside_jobs:
            handles.append(_own(roots.path(FOLDER), JOB))
            _take(handles[-1], deadline, words=WORKING)
        yield
    finally:
        for handle in handles:
            os.close(handle)


@contextmanager
def at_work(roots: Roots, patience_seconds: float = PATIENCE_SECONDS) -> Iterator[None]:
    """Hold the lock of jobs; it is taken while nobody changes the robot, and keeps others from beginning to."""
    with held(roots, patience_seconds, beside_jobs=True):
        handle = _own(roots.path(FOLDER), JOB)
        try:
            _take(handle, time.monotonic() + patience_seconds, words=WORKING)
        except BaseException:
            os.close(handle)
            raise
    try:
        yield
    finally:
        os.close(handle)


def _take(handle: int, deadline: float, counts: Callable[[], bool] = lambda: True, words: str = CHANGING) -> None:
    """Take a lock, or leave it to somebody who does not count; raise `BusyError` after ``deadline``."""
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError as error:
            if not counts():
                return
            if time.monotonic() >= deadline:
                raise BusyError(words) from error
        time.sleep(INTERVAL_SECONDS)


def _own(folder: Path, name: str) -> int:
    """Return the open lock file ``name``."""
    with suppress(FileExistsError):
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700)
    inside = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if os.fstat(inside).st_uid != os.geteuid():
            raise PermissionError(f"{FOLDER} is not root's: remove it, and run again")
        os.fchmod(inside, 0o700)
        handle = os.open(name, OPENED, 0o600, dir_fd=inside)
        os.fchmod(handle, 0o600)
    finally:
        os.close(inside)
    return handle


def _before(path: Path) -> int | None:
    """Return what runs of version 0.1 lock, closed to others from now on; None: not root's, so none of them has it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, OPENED, 0o600)
    except OSError:  # a link, or somebody else's file, which the kernel does not let root open there
        return None
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
        os.close(handle)
        return None
    os.fchmod(handle, 0o600)
    return handle


def _older_run_holds(handle: int, proc_root: Path) -> bool:
    """Whether a process that root started has the lock: another user's, who opened the file before, does not count."""
    wanted = os.fstat(handle)
    try:
        lines = (proc_root / "locks").read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return True  # nobody knows
    for line in lines:
        words = line.split()  # 1: FLOCK ADVISORY WRITE PID MAJOR:MINOR:INODE 0 EOF
        held_here = len(words) > 5 and words[1] == "FLOCK" and words[5].rpartition(":")[2] == str(wanted.st_ino)
        if held_here and _roots_process(proc_root / words[4], wanted):
            return True
    return False


def _roots_process(process: Path, wanted: os.stat_result) -> bool:
    """Whether a process has our user as its real one, and the file open.

    The effective one would not do: anybody can start a program with root's, such as su, with the file open in it.
    """
    try:
        status = (process / "status").read_text(encoding="utf-8", errors="replace")
        real = next(line.split()[1] for line in status.splitlines() if line.startswith("Uid:"))
        opened = [path.stat() for path in (process / "fd").iterdir()]
    except (OSError, StopIteration, IndexError):
        return False
    same = any((one.st_dev, one.st_ino) == (wanted.st_dev, wanted.st_ino) for one in opened)
    return real == str(os.getuid()) and same
