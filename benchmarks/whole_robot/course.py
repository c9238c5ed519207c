"""The course of one variant: its machine is deployed to, fed, asked, changed, left alone and cut from its power.

Each phase is kept as soon as it is over, so that one that fails takes nothing along.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from . import changes, parts, samples
from .changes import NextImage, Watch
from .looking import SITE, Looking, Machine, Say
from .robot import FailedError
from .variants import Variant

BEFORE, DEPLOYED, DASHBOARD, REST = "before", "deployed", "dashboard open", "at rest"
AFTER_CUT = "at rest after a power cut"
MOMENTS = (BEFORE, DEPLOYED, DASHBOARD, REST, AFTER_CUT)
DEPLOYMENT, SERVING, UNCHANGED, RESTING = "deployment", "samples and queries", "runs that change nothing", "rest"
UPDATE, WATCHDOG, CUT = "an update", "looks of the watchdog", "a power cut"
PEER = "benchmarks/whole_robot/peer.yml"
NOT_REACHED = "it was not reached"
BOOT_SECONDS = 2400.0
MISSING_PACKAGE = "exit code 100: "  # apt's
VERSIONS = "dpkg-query -W -f '${db:Status-Status} ${Package} ${Version}\\n' %s 2>/dev/null || true"
BOOT_ID = "cat /proc/sys/kernel/random/boot_id"
BOOTED_AT = "echo $(($(date +%s) - $(cut -d. -f1 /proc/uptime)))"


@dataclass(frozen=True)
class Plan:
    """What is done to a robot that has the product, beside deploying to it."""

    next_image: NextImage | None  # None: it could not be made
    watch: Watch


Keep = Callable[[dict[str, Any]], None]


def run(
    machine: Machine, plan: Plan, say: Say, keep: Keep, sleep: Callable[[float], None] = time.sleep
) -> dict[str, Any]:
    """Return what was measured of a variant, whose machine has booted and has its exporter.

    ``keep`` gets what is known after each phase; its ``missing`` names the phases that are not, with the reason. One
    that fails keeps no other from being measured, as long as the machine answers. Raises FailedError at the end where
    one has failed, and at once where nothing could be deployed: then nothing is kept.
    """
    with closing(Course(machine, plan, say, sleep)) as course:
        phases = course.phases()
        course.found["missing"] = missing = dict.fromkeys(phases, NOT_REACHED)
        course.begin()
        for name, phase in phases.items():
            say(f"{name} begins")
            try:
                course.looking.forget()
                phase()
                course.found["highest"][name] = parts.extremes(course.looking.look())
                del missing[name]
            except FailedError as error:
                missing[name] = str(error).splitlines()[0][:300]
                if name == DEPLOYMENT:
                    raise
                say(f"{name}: FAILED: {error}")
            keep(course.found)
            if name in missing and not course.looks_again():
                break
        if missing:
            raise FailedError(f"not measured: {', '.join(missing)}")
        return course.found


def absent(machine: Machine, peers: Sequence[Variant]) -> dict[str, str]:
    """Return those whose packages Debian does not have for this machine, with apt's words. Raises FailedError."""
    machine.run("apt-get -qq update")
    found = {}
    for peer in peers:
        try:
            machine.run(f"apt-get -qq -s --no-install-recommends install {' '.join(peer.packages)} >/dev/null")
        except FailedError as error:
            if MISSING_PACKAGE not in str(error):
                raise
            found[peer.name] = str(error).partition(MISSING_PACKAGE)[2].replace("E: ", "")
    return found


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
    """What is done to one machine, and what is known of it so far."""

    def __init__(self, machine: Machine, plan: Plan, say: Say, sleep: Callable[[float], None]) -> None:
        """Begin with nothing."""
        self._machine, self._plan, self._say = machine, plan, say
        self.looking = Looking(machine, sleep)
        self.found: dict[str, Any] = {"moments": self.looking.moments, "highest": {}}

    def close(self) -> None:
        """Have nobody look at the machine any more."""
        self.looking.close()

    def begin(self) -> None:
        """See how the machine was before. Raises FailedError."""
        self.looking.begin()
        self.looking.keep(BEFORE)

    def looks_again(self) -> bool:
        """Have somebody look anew after a failure; return whether the machine still answers."""
        try:
            self.looking.begin()
        except FailedError as error:
            self._say(f"it does not answer any more: {error}")
            return False
        return True

    def phases(self) -> dict[str, Callable[[], None]]:
        """Return what is done, in its order."""
        if not self._machine.variant.is_product:
            return {DEPLOYMENT: self._deploy, SERVING: self._serve, RESTING: self._rest}
        return {
            DEPLOYMENT: self._deploy,
            SERVING: self._serve,
            UNCHANGED: self._unchanged,
            RESTING: self._rest,
            UPDATE: self._update,
            WATCHDOG: self._watchdog,
            CUT: self._cut,
        }

    def _deploy(self) -> None:
        self._machine.playbook(SITE if self._machine.variant.is_product else PEER)
        self.looking.keep(DEPLOYED)
        self.found.update(identity(self._machine))

    def _serve(self) -> None:
        variant = self._machine.variant
        with self._machine.tunnel(variant.address) as here:
            self.found["series"] = samples.wait_for(variant, here)
            if variant.collector:
                self._say("a dashboard is opened")
                looks, self.found["answers"] = samples.dashboard(variant, here, self.looking.look)
                self.looking.keep_these(DASHBOARD, looks)

    def _rest(self) -> None:
        self.looking.keep(REST)

    def _unchanged(self) -> None:
        self.found["unchanged"] = changes.unchanged(self.looking)

    def _update(self) -> None:
        if self._plan.next_image is None:
            raise FailedError("its image could not be made")
        if "unchanged" not in self.found:
            raise FailedError("what a run that changes nothing sends is not known")
        nothing = self.found["unchanged"]["received_kb"]
        self.found["update"] = changes.update(self.looking, self._plan.next_image, nothing)

    def _watchdog(self) -> None:
        self.found["watchdog"] = changes.watchdog(self.looking, self._plan.watch, self._say)

    def _cut(self) -> None:
        """Take the power; look anew as soon as somebody can log in, and wait for samples of after the boot."""
        before = self._machine.run(BOOT_ID)
        self.looking.close()
        self._machine.cut()
        samples.until(lambda: self._has_booted_since(before), f"{self._machine.variant.name} boots", BOOT_SECONDS)
        self.looking.begin()
        self._say("it has booted; samples are waited for")
        booted_at = int(self._machine.run(BOOTED_AT))
        with self._machine.tunnel(self._machine.variant.address) as here:
            samples.wait_for_new(self._machine.variant, here, booted_at)
        self.looking.keep(AFTER_CUT)

    def _has_booted_since(self, before: str) -> bool:
        try:
            return self._machine.run(BOOT_ID) != before
        except FailedError:  # nobody can log in yet
            return False
