"""Debian's packages come where a source is dead or an apt is busy, also before Ansible's module can (row A21)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec.needs import PackagesNeed, PurgeNeed
from ansible_collections.robotfleet.stack.plugins.plugin_utils.needs.connection import Connection
from ansible_collections.robotfleet.stack.plugins.plugin_utils.needs.debian import apt

BINDINGS, ENGINE = "python3-apt", "docker.io"
NEED = PackagesNeed((ENGINE,), "debian", ())
EXPIRED = "E: Release file for file:/srv/old/dists/old/Release is expired (invalid since 2491d)."
LOCK = "/var/lib/apt/lists/lock"
BROUGHT = "install python3-apt, which Ansible needs"


class Robot(Connection):
    """A Debian as far as its packages go. ``known``: what its lists have; ``busy``: tries that find them locked.

    ``source``: what apt says of one of its sources, "" where it can read all of them.
    """

    def __init__(self, known: Iterable[str] = (), source: str = "", busy: int = 0, *, broken: bool = False) -> None:
        self.known, self.source, self.busy, self.broken = set(known), source, busy, broken
        self.installed = set[str]()
        self.theirs = ""  # what does not go with the engine
        self.run, self.said = list[str](), list[str]()

    def say(self, words: str) -> None:
        self.said.append(words)

    def output_of(self, command: str) -> str:
        simulated = self.theirs and "--simulate" in command and command.endswith(ENGINE)
        return f"Inst {ENGINE} (26.1)\nRemv {self.theirs} [1.0]\nConf {ENGINE} (26.1)\n" if simulated else ""

    def as_root(self, command: str, content: bytes = b"") -> tuple[int, str]:
        self.run.append(command)
        words = command.split()
        if "import apt" in command:
            return (0, "") if BINDINGS in self.installed else (1, "ModuleNotFoundError: No module named 'apt'")
        if words[-3:] == ["dpkg", "--configure", "-a"]:
            self.broken = False
            return 0, ""
        return self._update() if words[-1] == "update" else self._install(words[-1])

    def _update(self) -> tuple[int, str]:
        if self.busy:
            self.busy -= 1
            return 100, f"E: Could not get lock {LOCK}. It is held by process 7 (apt-get)"
        self.known |= {BINDINGS, ENGINE}
        return (100, self.source) if self.source else (0, "")

    def _install(self, name: str) -> tuple[int, str]:
        if self.broken:
            return 100, "E: dpkg was interrupted, you must manually run 'dpkg --configure -a' to correct the problem."
        if name not in self.known:
            return 100, f"E: Unable to locate package {name}"
        self.installed.add(name)
        return 0, ""

    def module(self, name: str, options: dict[str, Any]) -> dict[str, Any]:
        """As Ansible's own: without the bindings it begins with an apt-get update that waits for nobody."""
        if BINDINGS not in self.installed:
            code, words = self._update()
            if code:
                raise AnsibleActionFail(f"{name}: {words}")
            self.installed.add(BINDINGS)
        if options.get("update_cache"):
            if self.source:
                raise AnsibleActionFail(f"{name}: Failed to update apt cache: ")
            self._update()
        if self.theirs and options.get("fail_on_autoremove"):
            raise AnsibleActionFail(f"{name}: E: Packages need to be removed but remove is disabled.")
        for package in options["name"]:
            if options["state"] == "absent":
                self.installed.discard(package)
            elif self._install(package)[0]:
                raise AnsibleActionFail(f"{name}: No package matching '{package}' is available")
        return {}


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(apt, "time", SimpleNamespace(monotonic=lambda: now[0], sleep=lambda s: pause(now, s)))
    return now


def pause(now: list[float], seconds: float) -> None:
    now[0] += seconds


@pytest.mark.parametrize("known", [(), (BINDINGS, ENGINE)], ids=["no lists yet", "lists"])
def test_an_expired_source_is_no_reason_where_the_bindings_are_missing(known: tuple[str, ...]) -> None:
    robot = Robot(known, source=EXPIRED)
    assert apt.install(robot, NEED) == [BROUGHT, f"install {ENGINE}"]
    assert robot.installed == {BINDINGS, ENGINE}
    assert any("not every source" in words and EXPIRED in words for words in robot.said)


def test_bindings_of_known_lists_come_without_a_renewal() -> None:
    robot = Robot((BINDINGS, ENGINE), busy=1000)
    apt._bring_bindings(robot)
    assert robot.installed == {BINDINGS}
    assert robot.busy == 1000


def test_lists_that_somebody_renews_are_waited_for(clock: list[float]) -> None:
    robot = Robot(busy=20)
    assert apt.install(robot, NEED) == [BROUGHT, f"install {ENGINE}"]
    assert clock[0] == 20 * apt.PAUSE


def test_after_five_minutes_the_lock_is_named(clock: list[float]) -> None:
    with pytest.raises(AnsibleActionFail, match=f"python3-apt cannot be installed: .*{LOCK}.* by process 7"):
        apt.install(Robot(busy=1000), NEED)
    assert clock[0] == apt.WAIT


def test_what_was_cut_off_is_finished_before_the_bindings_come() -> None:
    robot = Robot((BINDINGS, ENGINE), broken=True)
    assert apt.install(robot, NEED) == [BROUGHT, f"install {ENGINE}"]


def test_bindings_that_are_there_cost_one_look() -> None:
    robot = Robot((ENGINE,))
    robot.installed.add(BINDINGS)
    assert apt.install(robot, NEED) == [f"install {ENGINE}"]
    assert len(robot.run) == 1


def test_a_removal_needs_them_as_well() -> None:
    robot = Robot((BINDINGS,), source=EXPIRED)
    robot.installed.add(ENGINE)
    assert apt.purge(robot, PurgeNeed((ENGINE,), "debian")) == [BROUGHT, f"remove {ENGINE}"]
    assert robot.installed == {BINDINGS}


def test_no_package_of_the_owners_goes_for_the_engine() -> None:
    robot = Robot((BINDINGS, ENGINE))
    robot.theirs = "podman-docker"
    with pytest.raises(
        AnsibleActionFail, match=r"docker.io cannot be installed: podman-docker would have to go.*by hand"
    ):
        apt.install(robot, NEED)
    assert ENGINE not in robot.installed


def test_ours_may_go_for_those_that_take_their_place() -> None:
    robot = Robot((BINDINGS, ENGINE))
    robot.theirs = "docker-ce"
    assert f"install {ENGINE}" in apt.install(robot, replace(NEED, replaces=True))
