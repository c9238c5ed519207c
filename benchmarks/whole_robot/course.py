"""The course of one variant: its machine is deployed to, fed, asked, left alone, and looked at meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from statistics import median
from typing import Any, Protocol

from . import parts, samples
from .robot import FailedError
from .variants import Variant

BEFORE, DEPLOYED, DASHBOARD, REST = "before", "deployed", "dashboard open", "at rest"
MOMENTS = (BEFORE, DEPLOYED, DASHBOARD, REST)
LOOKS = 5
PAUSE_SECONDS = 3.0
SETTLING_SECONDS = 120.0
RATE_SECONDS = 15.0
RUNS = 3
UNCHANGED = "Nothing changed."
SITE = "playbooks/site.yml"
VERSIONS = "dpkg-query -W -f '${db:Status-Status} ${Package} ${Version}\\n' %s 2>/dev/null || true"


class NotToBeHadError(Exception):
    """Debian has no such package on this machine, with apt's own words."""


class Looker(Protocol):
    """What looks at a machine."""

    def look(self) -> dict[str, Any]:
        """Return what is now."""

    def forget(self) -> dict[str, Any]:
        """Begin the extremes anew."""


class Machine(Protocol):
    """A machine that can be measured (robot.Robot)."""

    variant: Variant

    def playbook(self, path: str) -> str:
        """Run a playbook against it."""

    def run(self, command: str, given: bytes = b"") -> str:
        """Run a shell command as root."""

    def observer(self) -> AbstractContextManager[Looker]:
        """Look at it for as long as the context lasts."""

    def tunnel(self, address: str) -> AbstractContextManager[str]:
        """Reach an address of its loopback for as long as the context lasts."""


Say = Callable[[str], None]
Alone = Callable[[], AbstractContextManager[None]]


def run(
    machine: Machine, say: Say, alone: Alone = nullcontext, sleep: Callable[[float], None] = time.sleep
) -> dict[str, Any]:
    """Return what was measured of a variant, whose machine has booted and has its exporter.

    ``alone`` is a context in which no other machine is busy: for what takes time. Raises NotToBeHadError, FailedError.
    """
    variant = machine.variant
    if not variant.is_product:
        look_for(machine)
    with machine.observer() as observer:
        course = Course(machine, observer, sleep)
        course.keep(BEFORE)
        observer.forget()
        say("it gets what is measured")
        machine.playbook(SITE if variant.is_product else "benchmarks/whole_robot/peer.yml")
        deployment = parts.extremes(observer.look())
        course.keep(DEPLOYED)
        found: dict[str, Any] = {}
        address = variant.collector or (variant.page.address if variant.page else "")
        with machine.tunnel(address) as here:
            say("samples are waited for")
            found["series"] = samples.wait_for(variant, here)
            if variant.collector:
                say("a dashboard is opened")
                looks, found["answers"] = samples.dashboard(variant, here, observer.look)
                course.moments[DASHBOARD] = parts.moment(parts.highest(looks), variant.slice)
        if variant.is_product:
            with alone():
                say("runs that change nothing")
                found["unchanged"] = course.unchanged()
        course.keep(REST)
        at_last = parts.extremes(observer.look())
    return {
        **found,
        "moments": course.moments,
        "highest": {"deployment": deployment, "all": at_last},
        **identity(machine),
    }


def look_for(machine: Machine) -> None:
    """Have the machine's lists of packages, and see whether the variant's are there. Raises NotToBeHadError."""
    names = " ".join(machine.variant.packages)
    machine.run("apt-get -qq update")
    try:
        machine.run(f"apt-get -qq -s --no-install-recommends install {names} >/dev/null")
    except FailedError as error:
        raise NotToBeHadError(str(error).rpartition(": ")[2]) from error


def identity(machine: Machine) -> dict[str, Any]:
    """Return what the figures depend on: system, kernel, and the versions of those packages that are there."""
    system = machine.run(". /etc/os-release; echo $PRETTY_NAME; uname -r; uname -m; nproc").splitlines()
    listed = machine.run(VERSIONS % " ".join(machine.variant.packages)).splitlines()
    found = [line.split() for line in listed]
    return {
        **dict(zip(("system", "kernel", "architecture"), system)),
        "cpus": int(system[3]),
        "versions": {words[1]: words[2] for words in found if words[0] == "installed"},
    }


class Course:
    """What is kept of one machine while it is measured."""

    def __init__(self, machine: Machine, observer: Looker, sleep: Callable[[float], None]) -> None:
        """Begin with nothing."""
        self._machine, self._observer, self._sleep = machine, observer, sleep
        self.moments: dict[str, dict[str, Any]] = {}

    def keep(self, name: str) -> None:
        """Look several times, once memory does not change any more; keep the look with the most memory used."""
        self._settle()
        looks = []
        for _ in range(LOOKS):
            looks.append(self._observer.look())
            self._sleep(PAUSE_SECONDS)
        self.moments[name] = parts.moment(parts.highest(looks), self._machine.variant.slice)

    def _settle(self) -> None:
        used: list[int] = []
        for _ in range(int(SETTLING_SECONDS / PAUSE_SECONDS)):
            used.append(int(self._observer.look()["used"]))
            if parts.settled(used):
                return
            self._sleep(PAUSE_SECONDS)

    def unchanged(self) -> dict[str, float]:
        """Return wall time and the robot's CPU time (s) of a run that changes nothing: medians of some runs.

        Raises FailedError where a run changed something.
        """
        self._settle()
        first = self._observer.look()
        self._sleep(RATE_SECONDS)
        at_rest = parts.rate(first, self._observer.look())
        walls, cpus = [], []
        for _ in range(RUNS):
            before = self._observer.look()
            said = self._machine.playbook(SITE)
            after = self._observer.look()
            if UNCHANGED not in said:
                raise FailedError(f"{self._machine.variant.name}: a second run changed something:\n{said[-3000:]}")
            walls.append(float(after["at"] - before["at"]))
            cpus.append(parts.cpu_seconds(before, after, at_rest))
        return {"wall_seconds": round(median(walls), 2), "robot_cpu_seconds": round(median(cpus), 2), "runs": RUNS}
