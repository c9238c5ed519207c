"""A machine is switched on, cut, rebooted and removed, as real processes; only QEMU and its disks are stood in for."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from declarations import PROJECT
from machine_settings import MACHINE

from testbed.machines import control, disks, qemu, status
from testbed.machines.settings import Machine

FAKE = Path(__file__).with_name("fake_qemu.py")
# The disk's own format matters to mtools alone: the file of the firmware's disk holds the kernel line itself.
PROGRAMS = {
    qemu.PROGRAM: f'exec "{sys.executable}" "{FAKE}" "$@"',
    "qemu-img": 'touch "$9"',
    "mformat": "",
    "mcopy": 'cat "$4" >"$3"',
    "mkswap": "",
    "mtype": 'cat "$2"',
}


@pytest.fixture
def robot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a robot with its keys; nothing of it runs on afterwards."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, words in PROGRAMS.items():
        (programs / name).write_text(f"#!/bin/sh\n{words}\n", encoding="utf-8")
        (programs / name).chmod(stat.S_IRWXU)
    path = f"{programs}:{os.environ['PATH']}"
    monkeypatch.setenv("PATH", path)
    monkeypatch.setitem(disks.ENVIRONMENT, "PATH", path)
    folder = tmp_path / "fleet" / "one"
    folder.mkdir(parents=True)
    for key in disks.KEYS:
        (folder / key).write_text(key, encoding="utf-8")
    base = tmp_path / "debian13-1"
    base.mkdir()
    for name in ("disk.raw", "lock"):
        (base / name).touch()
    yield folder
    control.stop(folder)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return replace(MACHINE, base=str(tmp_path / "debian13-1"), console=str(tmp_path / "artifacts" / "console.log"))


def until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def now(robot: Path) -> status.Status:
    found = status.read(robot / "machine")
    assert found
    return found


def runs(process: int) -> bool:
    told = subprocess.run(["ps", "-o", "stat=", str(process)], capture_output=True, text=True, check=False).stdout
    return told.strip()[:1] not in ("", "Z")


def test_a_machine_is_made_once_and_runs_on(robot: Path, machine: Machine) -> None:
    assert control.start(robot, machine)
    first = now(robot)
    assert runs(first.qemu)
    assert not control.start(robot, machine), "it runs already"
    assert now(robot) == first
    assert (robot / "machine").stat().st_mode & 0o077 == 0, "its keys are nobody else's to read"


def test_its_power_is_cut_and_given_back(robot: Path, machine: Machine) -> None:
    control.start(robot, machine)
    before = now(robot)
    control.cut(robot)
    after = now(robot)
    assert after.starts == before.starts + 1
    assert (after.keeper, runs(after.qemu), runs(before.qemu)) == (before.keeper, True, False)


def test_after_a_reboot_the_kernel_line_is_read_again(robot: Path, machine: Machine) -> None:
    control.start(robot, machine)
    (robot / "machine" / qemu.BOOT_DISK).write_text("root=/dev/vda rw changed=1\n", encoding="utf-8")
    os.kill(now(robot).qemu, signal.SIGUSR1)
    until(lambda: now(robot).starts == 2)
    started = (robot / "machine" / "starts").read_text(encoding="utf-8").splitlines()
    assert started == ["root=/dev/vda rw", "root=/dev/vda rw changed=1"]


def test_a_robot_that_switches_itself_off_stays_off_until_it_is_switched_on(robot: Path, machine: Machine) -> None:
    control.start(robot, machine)
    os.kill(now(robot).qemu, signal.SIGUSR2)
    until(lambda: not status.is_kept(robot / "machine"))
    assert now(robot).over == "switched off: QEMU ended (exit code 0, guest-shutdown)"
    with pytest.raises(control.MachineError, match="one is not running: switched off"):
        control.cut(robot)
    disk = (robot / "machine" / qemu.BOOT_DISK).stat().st_ino
    assert control.start(robot, machine)
    assert (robot / "machine" / qemu.BOOT_DISK).stat().st_ino == disk, "with the disks that it had"


def test_other_settings_make_another_machine(robot: Path, machine: Machine) -> None:
    control.start(robot, machine)
    before = now(robot)
    assert control.start(robot, replace(machine, memory_mib=1024))
    assert not runs(before.qemu)
    assert runs(now(robot).qemu)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_qemu_outlives_its_keeper(robot: Path, machine: Machine, number: signal.Signals) -> None:
    control.start(robot, machine)
    known = now(robot)
    os.kill(known.keeper, number)
    until(lambda: not runs(known.qemu))


def test_a_removed_machine_leaves_what_its_console_said(robot: Path, machine: Machine) -> None:
    control.start(robot, machine)
    known = now(robot)
    assert control.stop(robot)
    assert not runs(known.qemu)
    assert not (robot / "machine").exists()
    assert Path(machine.console).read_text(encoding="utf-8") == "the kernel says something\n"
    assert not control.stop(robot), "there is nothing left"


def test_a_qemu_that_does_not_start_is_told_with_what_it_said(robot: Path, machine: Machine) -> None:
    control.start(robot, machine)
    os.kill(now(robot).qemu, signal.SIGUSR2)
    until(lambda: not status.is_kept(robot / "machine"))
    (robot / "machine" / "broken").touch()
    with pytest.raises(control.MachineError) as told:
        control.start(robot, machine)
    assert str(told.value).startswith("one does not run: failed: QEMU did not answer (exit code 1)")
    assert "Could not set up host forwarding rule" in str(told.value)
    assert "the kernel says something" in str(told.value)


def test_who_is_ended_while_it_waits_for_qemu_leaves_none_behind(robot: Path, machine: Machine) -> None:
    control.start(robot, machine)
    control.stop(robot)
    control._make(robot, robot / "machine", machine)
    (robot / "machine" / "mute").touch()
    argv = [sys.executable, "-m", "testbed.machines", "start", str(robot)]
    text = (robot / "machine" / control.SETTINGS).read_text(encoding="utf-8")
    starter = subprocess.Popen(argv, cwd=PROJECT, stdin=subprocess.PIPE, text=True)
    assert starter.stdin
    starter.stdin.write(text)
    starter.stdin.close()
    until((robot / "machine" / "starts").exists)
    starter.terminate()
    assert starter.wait(timeout=60) == 143
    assert not status.is_kept(robot / "machine")
    told = subprocess.run(["ps", "-e", "-o", "args="], capture_output=True, text=True, check=True).stdout
    assert f"path={machine.console}" not in told


def test_a_base_that_is_in_use_is_locked_against_its_removal(robot: Path, machine: Machine) -> None:
    lock = Path(machine.base) / "lock"
    control.start(robot, machine)
    with pytest.raises(BlockingIOError), status.held(lock):
        raise AssertionError("it could be removed")
    control.stop(robot)
    with status.held(lock):
        pass


def test_a_base_that_is_not_there_is_told(robot: Path, machine: Machine) -> None:
    with pytest.raises(control.MachineError, match="run testbed/machine_images"):
        control.start(robot, replace(machine, base="/nowhere"))
    assert not (robot / "machine").exists()
