"""Attacks on the lock: whoever holds it keeps deployments and the watchdog from the robot."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.base import lock
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.base.roots import Roots
from robot_stack.robots import write

NOBODY = 65534
BECOME = "import fcntl, os, sys; os.getuid() or (os.setgroups([]), os.setuid(int(sys.argv[2]))); "
HOLD = BECOME + "f = open(sys.argv[1]); fcntl.flock(f, fcntl.LOCK_EX); "
AND_WAIT = "print('held', flush=True); sys.stdin.read()"
as_root = pytest.mark.skipif(os.getuid() != 0, reason="acts as another user, which is root's to do")


@pytest.fixture
def roots() -> Iterator[Roots]:
    """A robot whose tree others may enter, as they may a real one."""
    top = Path(tempfile.mkdtemp(prefix="lock-"))
    top.chmod(0o755)
    (top / "run/lock").mkdir(parents=True)
    (top / "run/lock").chmod(0o1777)
    yield Roots(top, Path("/proc"))
    shutil.rmtree(top)


@contextmanager
def somebody(program: str, path: Path, user: int) -> Iterator[subprocess.Popen[str]]:
    """Let a ``user`` run ``program`` on a path, and wait until it says something, or ends."""
    argv, pipe = [sys.executable, "-c", program, str(path), str(user)], subprocess.PIPE
    process = subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
    assert process.stdout
    process.stdout.readline()
    try:
        yield process
    finally:
        process.kill()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream:
                stream.close()
        process.wait()


def free(roots: Roots) -> bool:
    try:
        with lock.held(roots, patience_seconds=0):
            return True
    except lock.BusyError:
        return False


@as_root
def test_another_user_cannot_open_the_lock(roots: Roots) -> None:
    with lock.held(roots):
        pass
    for path in (lock.FILE, lock.FILE_BEFORE):
        with somebody(HOLD + AND_WAIT, roots.path(path), NOBODY) as attacker:
            assert free(roots)
            assert attacker.wait(60) != 0
            assert attacker.stderr
            assert "PermissionError" in attacker.stderr.read()


@as_root
def test_another_user_who_held_the_former_lock_before_is_not_waited_for(roots: Roots) -> None:
    path = roots.path(lock.FILE_BEFORE)
    path.touch(mode=0o644)  # as version 0.1 left it
    with somebody(HOLD + AND_WAIT, path, NOBODY) as attacker:
        assert attacker.poll() is None
        with path.open() as mine, pytest.raises(BlockingIOError):
            fcntl.flock(mine, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert free(roots)


@pytest.mark.parametrize(("users", "waits"), [("0 0 0 0", True), ("65534 0 0 0", False), ("65534 65534 0 0", False)])
def test_a_program_that_another_user_started_with_roots_rights_is_not_waited_for(
    roots: Roots, tmp_path: Path, users: str, waits: bool
) -> None:
    """Such as su, which waits for a password, and has the file open that it was started with."""
    path = roots.path(lock.FILE_BEFORE)
    path.touch()
    users = users.replace("0", str(os.getuid())) if users == "0 0 0 0" else users
    write(tmp_path / "locks", f"1: FLOCK  ADVISORY  WRITE 77 00:1b:{path.stat().st_ino} 0 EOF\n")
    write(tmp_path / "77/status", f"Name:\tsu\nUid:\t{users}\n")
    (tmp_path / "77/fd").mkdir()
    (tmp_path / "77/fd/3").symlink_to(path)
    with path.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert free(Roots(roots.filesystem, tmp_path)) is not waits


def test_a_run_of_the_version_before_is_waited_for(roots: Roots) -> None:
    path = roots.path(lock.FILE_BEFORE)
    path.touch(mode=0o644)
    with somebody(HOLD + AND_WAIT, path, os.getuid()) as older:
        assert not free(roots)
        assert older.stdin
        older.stdin.close()
        older.wait(60)
        assert free(roots)


def test_a_run_of_the_version_before_finds_the_robot_taken(roots: Roots) -> None:
    with lock.held(roots), roots.path(lock.FILE_BEFORE).open("w") as older, pytest.raises(BlockingIOError):
        fcntl.flock(older, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with roots.path(lock.FILE_BEFORE).open("w") as older:
        fcntl.flock(older, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_two_of_this_version_exclude_each_other(roots: Roots) -> None:
    with lock.held(roots):
        assert not free(roots)
    assert free(roots)


def test_only_root_may_enter_the_locks_folder_whatever_it_was(roots: Roots) -> None:
    folder = roots.path(lock.FOLDER)
    folder.mkdir()
    folder.chmod(0o777)
    (folder / "lock").touch(mode=0o666)
    assert free(roots)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "lock").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("where", [lock.FILE, lock.FILE_BEFORE])
def test_no_link_is_followed_to_what_it_leads_to(roots: Roots, where: str, tmp_path: Path) -> None:
    victim = tmp_path / "shadow"
    victim.write_text("root's")
    roots.path(where).parent.mkdir(exist_ok=True)
    roots.path(where).symlink_to(victim)
    try:
        free(roots)
    except OSError:
        assert where == lock.FILE, "what others can make there must not keep runs away"
    assert victim.read_text() == "root's"


def test_a_link_in_the_place_of_the_folder_is_refused(roots: Roots, tmp_path: Path) -> None:
    roots.path(lock.FOLDER).symlink_to(tmp_path)
    with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
        free(roots)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["pipe", "folder"])
def test_what_others_made_in_the_former_place_keeps_nobody_away(roots: Roots, make: Callable[[Path], None]) -> None:
    make(roots.path(lock.FILE_BEFORE))
    assert free(roots)


@as_root
def test_a_file_of_another_user_in_the_former_place_keeps_nobody_away(roots: Roots) -> None:
    path = roots.path(lock.FILE_BEFORE)
    path.touch()
    os.chown(path, NOBODY, NOBODY)
    with somebody(HOLD + AND_WAIT, path, NOBODY):
        assert free(roots)
