"""Starts, cuts and stops machines.

A robot's folder, such as .testbed/FLEET/ROBOT, holds its keys (testbed/keys) and, in ``machine``: ``machine.json`` with
its settings, its disks, ``status.json``, and the logs of keeper and QEMU.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from testbed.machines import disks, process, qemu, status
from testbed.machines.keeper import keep
from testbed.machines.kernel_line import read
from testbed.machines.settings import Machine, parse

PROJECT = Path(__file__).resolve().parents[2]
SETTINGS, KEEPER_LOG = "machine.json", "keeper.log"
START_SECONDS = 180.0  # a first look at KVM included
STOP_SECONDS = 30.0
TAIL_LINES = 20


class MachineError(Exception):
    """A machine cannot be started, cut or stopped; the message says why."""


def start(robot: Path, machine: Machine) -> bool:
    """Make the machine and switch it on, where it is not so yet; return whether anything was done.

    It runs once QEMU's monitor answers; the robot itself boots from then on. Raises MachineError.
    """
    folder = robot / "machine"
    if _settings(folder) != machine:
        stop(robot)
        _make(robot, folder, machine)
    elif status.is_kept(folder):
        return False
    keeper = _spawn(folder)
    try:
        _wait_for_start(folder, keeper, machine)
    except BaseException:
        _end(folder, keeper.pid)
        raise
    return True


def cut(robot: Path) -> None:
    """Take the machine's power, and give it back. Raises MachineError."""
    folder = robot / "machine"
    before = status.read(folder)
    if before is None or not before.qemu or not status.is_kept(folder):
        raise MachineError(f"{robot.name} is not running{f': {before.over}' if before else ''}")
    os.kill(before.qemu, signal.SIGKILL)

    def started() -> bool:
        now = status.read(folder)
        if not status.is_kept(folder):
            raise MachineError(_told(f"{robot.name} did not come back: {now.over if now else ''}", folder, None))
        return now is not None and now.starts > before.starts

    _wait(started, START_SECONDS, lambda: _told(f"{robot.name} was not started again", folder, None))


def stop(robot: Path) -> bool:
    """Switch the machine off and remove it, but for its console's file; return whether there was one."""
    folder = robot / "machine"
    if not folder.is_dir():
        return False
    known = status.read(folder)
    if known is not None and status.is_kept(folder):
        _end(folder, known.keeper)
    shutil.rmtree(folder)
    return True


def run_keeper(folder: Path) -> int:
    """Be the keeper of a machine; return an exit code: not 0 where it ended otherwise than by being switched off."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    machine = _settings(folder)
    if machine is None:
        raise MachineError(f"{folder} holds no machine")
    with status.held(folder / status.LOCK), status.held(Path(machine.base) / "lock", shared=True):
        status.write(folder, status.Status(os.getpid()))
        accelerator = qemu.accelerator(Path(machine.base), Path(machine.base).parent / "kvm.json")

        def launch() -> process.QemuRun:
            return process.QemuRun(folder, qemu.argv(machine, read(folder / qemu.BOOT_DISK), accelerator))

        def started(number: int, pid: int) -> None:
            status.write(folder, status.Status(os.getpid(), pid, number))

        over = keep(launch, started)
        known = status.read(folder)
        status.write(folder, status.Status(os.getpid(), 0, known.starts if known else 0, over))
    return 0 if over.startswith("switched off") else 1


def _settings(folder: Path) -> Machine | None:
    try:
        return parse((folder / SETTINGS).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):  # ValueError: it was made by another version of this program
        return None


def _make(robot: Path, folder: Path, machine: Machine) -> None:
    if not (Path(machine.base) / "disk.raw").is_file():
        raise MachineError(f"{machine.base} is not there: run testbed/machine_images")
    folder.mkdir(parents=True, mode=0o700)
    console = Path(machine.console)
    console.parent.mkdir(parents=True, exist_ok=True)
    console.write_bytes(b"")
    try:
        disks.make(folder, machine, robot)
    except (OSError, ValueError) as error:
        shutil.rmtree(folder)
        raise MachineError(f"the disks of {robot.name} could not be made: {error}") from error
    (folder / SETTINGS).write_text(json.dumps(asdict(machine), indent=1), encoding="utf-8")  # last: it is complete


def _spawn(folder: Path) -> subprocess.Popen[bytes]:
    (folder / status.STATUS).unlink(missing_ok=True)
    with (folder / KEEPER_LOG).open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "testbed.machines", "keep", str(folder)],
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # it outlives whoever started it
        )


def _wait_for_start(folder: Path, keeper: subprocess.Popen[bytes], machine: Machine) -> None:
    def started() -> bool:
        known = status.read(folder)
        if keeper.poll() is not None:
            words = f"{machine.name} does not run: {known.over if known else 'its keeper ended'}"
            raise MachineError(_told(words, folder, machine))
        return known is not None and known.starts > 0

    _wait(started, START_SECONDS, lambda: _told(f"{machine.name}: QEMU does not answer", folder, machine))


def _end(folder: Path, keeper: int) -> None:
    """End a keeper, and QEMU with it. Raises MachineError."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if status.is_kept(folder):
            os.kill(keeper, number)
        try:
            _wait(lambda: not status.is_kept(folder), STOP_SECONDS, lambda: f"process {keeper} does not end")
        except MachineError:
            if number == signal.SIGKILL:
                raise
        else:
            return


def _wait(what: Callable[[], bool], seconds: float, words: Callable[[], str]) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        if time.monotonic() > deadline:
            raise MachineError(words())
        time.sleep(0.1)


def _told(words: str, folder: Path, machine: Machine | None) -> str:
    """Return a message with the ends of what keeper, QEMU and the serial console have said."""
    machine = machine or _settings(folder)
    logs = [folder / KEEPER_LOG, folder / process.LOG, *([Path(machine.console)] if machine else [])]
    parts = [words]
    for log in logs:
        text = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
        parts += [f"--- the end of {log}:", *(text.splitlines()[-TAIL_LINES:] or ["(empty)"])]
    return "\n".join(parts)
