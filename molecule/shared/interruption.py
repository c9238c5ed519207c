"""Runs that are cut off in the middle: when something happens on a robot, something else is killed."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from waiting import until

PROJECT = Path(__file__).resolve().parents[2]
LONGEST_SECONDS = 300


def machine(robot: Any) -> str:
    """The container that plays the robot."""
    return f"testbed-{robot.variables['testbed_fleet']}-{robot.name}"


def in_machine(robot: Any, command: str) -> str:
    """Run a command on the robot, but not through SSH, which is what may be cut."""
    argv = ["docker", "exec", machine(robot), "sh", "-c", command]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=LONGEST_SECONDS).stdout


class Run:
    """A playbook that runs in the background, in a process group of its own."""

    def __init__(self, *arguments: str) -> None:
        self._output: IO[str] = tempfile.TemporaryFile("w+")  # noqa: SIM115 (closed with this object)
        folders = (PROJECT / "molecule/shared", os.environ["MOLECULE_SCENARIO_DIRECTORY"])
        paths = (word for folder in folders for word in ("-i", f"{folder}/inventory"))
        environment = {**os.environ, "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"), "ANSIBLE_FORCE_COLOR": "0"}
        self._process = subprocess.Popen(
            ["ansible-playbook", *paths, *arguments],
            cwd=PROJECT,
            env=environment,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def kill(self) -> None:
        """The controller's end: everything that the run has started there dies, in whatever session it is."""
        assert self._process.poll() is None, f"it was over already:\n{self.told()}"
        for process in [self._process.pid, *descendants(self._process.pid)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        self._process.wait()

    def ended(self) -> int:
        """Wait for its end; return the exit code."""
        return self._process.wait(timeout=LONGEST_SECONDS * 3)

    def told(self) -> str:
        """What it has printed so far."""
        self._output.seek(0)
        return self._output.read()


def descendants(process: int) -> list[int]:
    """The processes that a process has started, and those that they have started."""
    argv = ["ps", "-e", "-o", "pid=,ppid="]
    pairs = [
        line.split() for line in subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()
    ]
    found = [int(child) for child, parent in pairs if int(parent) == process]
    return [*found, *(further for child in found for further in descendants(child))]


def wait_for(condition: Callable[[], bool], what: str) -> None:
    """Look again and again, as fast as it goes."""
    until(condition, what, LONGEST_SECONDS, pause=0)


@contextmanager
def next_event(robot: Any, event: str, then: str = "true") -> Iterator[Callable[[], None]]:
    """Listen to the robot's engine; what is yielded returns as soon as ``event`` has happened to a container.

    By then the robot has run the command ``then``, without the way to it and back: at once.
    """
    now = in_machine(robot, "date +%s.%N").strip()  # what happens before it listens is told as well
    listen = f"docker events --since {now} --filter type=container --filter event={event}"
    argv = ["docker", "exec", machine(robot), "sh", "-c", f"{listen} | {{ read -r told && {then} && echo happened; }}"]
    listener = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)

    def wait() -> None:
        assert listener.stdout is not None
        told, _, _ = select.select([listener.stdout], [], [], LONGEST_SECONDS)
        assert told, f"no {event} was told"
        assert listener.stdout.readline(), f"no {event} was told"

    try:
        yield wait
    finally:
        listener.kill()
        listener.wait()
