"""The doors to a machine that is measured: playbooks, commands over SSH, the program that looks, tunnels."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

from benchmarks.running import free_address
from testbed.machines import control

from . import archive
from .variants import INVENTORY, Variant, ports

PROJECT = archive.PROJECT
KEYS = PROJECT / ".testbed" / "whole-robot"
LOGS = PROJECT / ".artifacts"
PROGRAM = "/run/held.pyz"
PLAYBOOK_SECONDS = 5400  # only what hangs takes so long: some minutes on two cores, ten times that on busy ones
COMMAND_SECONDS = 600
ENDING_SECONDS = 60
ANSWER_SECONDS = 300  # a processor that is emulated, under load
TUNNEL_SECONDS = 1200  # after a boot it is the engine that is waited for
ALIVE = ("-o", "ServerAliveInterval=30", "-o", "ServerAliveCountMax=20")


class FailedError(RuntimeError):
    """A playbook or a command failed, or did not end in time; the message has its last words."""


def ssh(port: int, *options: str) -> list[str]:
    """Return the beginning of a command that reaches a machine."""
    checked = ("-o", f"UserKnownHostsFile={KEYS}/known_hosts", "-o", "StrictHostKeyChecking=yes")
    own = ("-i", str(KEYS / "id_ed25519"), "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "ControlPath=none")
    return ["ssh", "-p", str(port), *own, *checked, *ALIVE, "-o", "ConnectTimeout=120", *options, "operator@127.0.0.1"]


def playbook(path: str, *words: str, log: str) -> str:
    """Run a playbook of the project against the benchmark's machines; return what it said. Raises FailedError."""
    program = str(Path(sys.executable).parent / "ansible-playbook")
    plain = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    environment = {**plain, "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
    LOGS.mkdir(exist_ok=True)
    path_of_log = LOGS / f"whole-robot-{log}.log"
    told = f"{path_of_log.parent.name}/{path_of_log.name}"  # not where this computer has it: results hold these words
    with path_of_log.open("a+", encoding="utf-8") as kept:
        begun = kept.seek(0, os.SEEK_END)
        argv = [program, "-i", str(INVENTORY), path, *words]
        kept.write(f"+ {' '.join(argv[1:])}\n")
        kept.flush()
        process = subprocess.Popen(
            argv, cwd=PROJECT, env=environment, stdin=subprocess.DEVNULL, stdout=kept, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        try:
            code = process.wait(timeout=PLAYBOOK_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise FailedError(f"{path} did not end within {PLAYBOOK_SECONDS} s: see {told}") from error
        finally:
            _end_with_children(process)
        kept.seek(begun)
        said = kept.read()
    if code:
        raise FailedError(f"{path}: exit code {code}, see {told}:\n{said[-3000:]}")
    return said


def _end_with_children(process: subprocess.Popen[bytes]) -> None:
    """End a playbook that still runs, and what it has started: a machine that is just being made is given up."""
    if process.poll() is not None:
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        os.killpg(process.pid, number)
        try:
            process.wait(timeout=ENDING_SECONDS)
        except subprocess.TimeoutExpired:
            continue
        return


class Robot:
    """One machine, by the name that it has in the inventory."""

    def __init__(self, variant: Variant) -> None:
        """Know where it is."""
        self.variant = variant
        self._port = ports()[variant.name]

    def playbook(self, path: str, *words: str) -> str:
        """Run a playbook against this machine alone; return what it said. Raises FailedError."""
        return playbook(path, "--limit", self.variant.name, *words, log=self.variant.name)

    def cut(self) -> None:
        """Take its power, and give it back. Raises FailedError."""
        try:
            control.cut(KEYS / self.variant.name)
        except control.MachineError as error:
            raise FailedError(str(error)) from error

    def run(self, command: str, given: bytes = b"") -> str:
        """Run a shell command as root; return what it printed. Raises FailedError."""
        argv = [*ssh(self._port), "sudo", "-n", "sh", "-c", _quoted(command)]
        try:
            done = subprocess.run(argv, input=given, capture_output=True, timeout=COMMAND_SECONDS, check=False)
        except subprocess.TimeoutExpired as error:
            raise FailedError(f"{self.variant.name}: {command}: not within {COMMAND_SECONDS} s") from error
        words = done.stdout.decode(errors="replace")
        if done.returncode:
            last = (done.stderr.decode(errors="replace").strip() or words.strip()).splitlines()[-2:]
            raise FailedError(f"{self.variant.name}: {command}: exit code {done.returncode}: {' '.join(last)}")
        return words

    @contextmanager
    def observer(self) -> Iterator[Observer]:
        """Have held.py run there for as long as the context lasts."""
        self.run(f"cat >{PROGRAM}", archive.packed())
        argv = [*ssh(self._port), "sudo", "-n", "python3", PROGRAM, "--slice", self.variant.slice]
        argv += [word for unit in self.variant.beside for word in ("--beside", unit)]
        process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            yield Observer(process)
        finally:
            process.kill()
            process.communicate()

    @contextmanager
    def tunnel(self, address: str) -> Iterator[str]:
        """Have an address on this computer's loopback for one on the machine's, as an operator has."""
        here = free_address()
        process = subprocess.Popen(
            [*ssh(self._port, "-N", "-L", f"{here}:{address}", "-o", "ExitOnForwardFailure=yes")]
        )
        try:
            until = time.monotonic() + TUNNEL_SECONDS
            while not _answers(here):
                if process.poll() is not None or time.monotonic() > until:
                    raise FailedError(f"{self.variant.name}: no tunnel to its {address}")
                time.sleep(0.5)
            yield here
        finally:
            process.terminate()
            process.wait(timeout=30)


class Observer:
    """held.py on the machine: a question, an answer."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        """Speak to the program of this process."""
        self._process = process

    def look(self) -> dict[str, Any]:
        """Return what the machine's memory holds now. Raises FailedError."""
        return self._ask("look")

    def forget(self) -> dict[str, Any]:
        """Forget the extremes; return what the machine's memory holds now. Raises FailedError."""
        return self._ask("forget")

    def _ask(self, word: str) -> dict[str, Any]:
        asked, told = self._process.stdin, self._process.stdout
        if asked is None or told is None:
            raise TypeError("the program's input and output are pipes")
        try:
            asked.write(f"{word}\n".encode())
            asked.flush()
        except BrokenPipeError:
            pass  # it is told below
        ready, _, _ = select.select([told], [], [], ANSWER_SECONDS)
        line = told.readline() if ready else b""
        if not line:
            raise FailedError(f"the program that looks at the machine has not answered (it ended: {bool(ready)})")
        found: dict[str, Any] = json.loads(line)
        return found


def _quoted(command: str) -> str:
    return "'" + command.replace("'", "'\\''") + "'"


def _answers(address: str) -> bool:
    """Whether anything answers HTTP there, whatever it says."""
    try:
        with urlopen(f"http://{address}/", timeout=20):
            return True
    except HTTPError:
        return True
    except (OSError, HTTPException):
        return False
