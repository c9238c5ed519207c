"""One run of one contender: wall time, CPU here and on the robots, bytes to them, and root's commands there.

The controller's CPU is that of everything the run started, its SSH masters included: this process adopts those that go
into the background, ends them after the run and counts what they used.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .contenders import Contender, environment

if TYPE_CHECKING:
    from docker import DockerClient

ADOPT_ORPHANS = 36  # PR_SET_CHILD_SUBREAPER
LONGEST_SECONDS = 600
FLEET = "testbed-provision-"


class ChangedError(Exception):
    """A run failed, or changed something: it was not the run that is measured here."""


@dataclass(frozen=True)
class Counters:
    """What a robot has used up to now."""

    cpu_seconds: float
    received_kib: float
    at: float


@dataclass(frozen=True)
class Sample:
    """What one run cost; of robots, the mean of those that took part."""

    wall_seconds: float
    controller_cpu_seconds: float
    robot_cpu_seconds: float
    robot_kib: float
    robot_commands: float


def adopt_orphans() -> None:
    """Become the parent of whatever our children leave behind."""
    if ctypes.CDLL(None, use_errno=True).prctl(ADOPT_ORPHANS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


def counters(engine: DockerClient, robot: str) -> Counters:
    """Return a robot's counters, as the kernel has them for its container."""
    stats: Any = engine.containers.get(FLEET + robot).stats(stream=False, one_shot=True)
    received = sum(network["rx_bytes"] for network in stats["networks"].values())
    return Counters(stats["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9, received / 1024, time.monotonic())


def on_robot(engine: DockerClient, robot: str, argv: list[str]) -> str:
    """Return what a command prints on a robot, asked from outside."""
    code, output = engine.containers.get(FLEET + robot).exec_run(argv)
    if code or not isinstance(output, bytes):
        raise RuntimeError(f"{robot}: {' '.join(argv)}: exit {code}")
    return output.decode(errors="replace")


def root_commands(engine: DockerClient, robot: str, since: float) -> int:
    """Return how many commands sudo has run on a robot since a moment (seconds since 1970)."""
    journal = ["journalctl", "--quiet", "--no-pager", "-o", "cat", "-t", "sudo", "--since", f"@{since:.6f}"]
    return on_robot(engine, robot, journal).count("COMMAND=")


def cpu_at_rest(engine: DockerClient, robots: Sequence[str], seconds: float) -> dict[str, float]:
    """Return the CPU (cores) that each robot uses while nobody asks anything of it."""
    before = {robot: counters(engine, robot) for robot in robots}
    time.sleep(seconds)
    after = {robot: counters(engine, robot) for robot in robots}
    return {
        robot: (after[robot].cpu_seconds - before[robot].cpu_seconds) / (after[robot].at - before[robot].at)
        for robot in robots
    }


def run(engine: DockerClient, contender: Contender, robots: Sequence[str], at_rest: dict[str, float]) -> Sample:
    """Run ``contender`` on ``robots`` once. Raises ChangedError where it did not find everything as it should be."""
    since = time.time()
    before = {robot: counters(engine, robot) for robot in robots}
    used = cpu_of_children()
    with tempfile.TemporaryDirectory(prefix="ssh-") as sockets:
        started = time.monotonic()
        done = subprocess.run(
            contender.argv(robots),
            cwd=contender.folder,
            env=environment(contender, Path(sockets)),
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
            check=False,
        )
        wall = time.monotonic() - started
        end_children()
    used = cpu_of_children() - used
    after = {robot: counters(engine, robot) for robot in robots}
    if done.returncode or not contender.unchanged(done.stdout + done.stderr, len(robots)):
        raise ChangedError(
            f"{contender.name}, exit code {done.returncode}:\n{done.stdout[-4000:]}{done.stderr[-2000:]}"
        )
    cpu = [
        after[robot].cpu_seconds - before[robot].cpu_seconds - at_rest[robot] * (after[robot].at - before[robot].at)
        for robot in robots
    ]
    received = [after[robot].received_kib - before[robot].received_kib for robot in robots]
    commands = [root_commands(engine, robot, since) for robot in robots]
    count = len(robots)
    return Sample(wall, used, sum(cpu) / count, sum(received) / count, sum(commands) / count)


def cpu_of_children() -> float:
    """Return the CPU time (seconds) of all children that have ended, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def end_children() -> None:
    """End what the run left in the background (SSH masters), so that their CPU time is counted."""
    for pid in _children():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    with suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)


def _children() -> list[int]:
    listed = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="utf-8")
    return [int(pid) for pid in listed.split()]
