"""The engine's packages: whose they are, in whichever version, whatever became of them and of the list of them."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.host.platforms.debian import DEBIAN
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records import state
from robot_stack.fake_engine import FakeEngine
from robot_stack.operating import ROOT, Operator
from robot_stack.robots import Robot, parameters, service, write

pytestmark = pytest.mark.usefixtures("any_owner")
STORE, SETTINGS = "var/lib/docker", "etc/docker/daemon.json"


def named(*packages: str) -> dict[str, Any]:
    """A run in which the engine's packages are these."""
    return {"engine": {**parameters()["engine"], "packages": list(packages)}}


def installed(robot: Robot, *names: str) -> None:
    stanzas = [f"Package: {name}\nStatus: install ok installed\n" for name in ("base", *names)]
    write(robot.root / "var/lib/dpkg/status", "\n".join(stanzas))
    program = robot.root / "usr/bin/dockerd"
    if "docker.io" in names:
        write(program, "")
    else:
        program.unlink(missing_ok=True)


def deployed(robot: Robot, fake: FakeEngine, *packages: str) -> Operator:
    """A robot on which a run has installed the engine from such a list."""
    operator = Operator(robot, None)
    assert operator.call(service(), sent=False, **named(*packages))["needs"][0]["names"] == sorted(packages)
    installed(robot, *DEBIAN.bare(packages))
    operator.fake = fake
    operator.call(service(), **named(*packages))
    write(robot.root / STORE / "image/overlay2/x", "")
    return operator


@pytest.mark.parametrize(
    ("at_first", "later", "known"),
    [
        (["docker.io"], ["docker.io"], ["docker.io"]),
        (["docker.io=26.1.5+dfsg1-9"], ["docker.io=26.1.5+dfsg1-9"], ["docker.io"]),
        (["docker.io/trixie", "docker-cli:amd64"], ["docker.io"], ["docker.io", "docker-cli"]),
        (["docker.io", "docker-cli"], [], ["docker.io", "docker-cli"]),
    ],
    ids=["by name", "by version", "by release", "a list that is gone"],
)
def test_an_engine_goes_with_the_packages_that_were_installed(
    robot: Robot, fake: FakeEngine, at_first: list[str], later: list[str], known: list[str]
) -> None:
    operator = deployed(robot, fake, *at_first)
    gone = {"state": "absent", "remove_engine": True, **named(*later)}
    (need,) = operator.call(service(), sent=False, **gone)["needs"]
    assert (need["kind"], need["names"]) == ("purge", known)
    assert (robot.root / STORE / "image").exists(), "nothing of the engine goes while its packages are there"
    installed(robot)
    operator.fake = None
    told = operator.call(service(), sent=False, **gone)
    assert not told.get("needs")
    assert not any((robot.root / path).exists() for path in (STORE, SETTINGS, f"{ROOT}/state.json"))


def test_what_a_longer_list_adds_is_ours_as_well(robot: Robot, fake: FakeEngine) -> None:
    operator = deployed(robot, fake, "docker.io")
    more = named("docker.io", "docker-buildx=0.13.1")
    assert operator.call(service(), sent=False, **more)["needs"][0]["names"] == ["docker-buildx=0.13.1"]
    assert state.load(robot.root / ROOT).engine_packages == ["docker.io", "docker-buildx"]


def test_an_engine_of_a_version_that_was_asked_for_is_started_and_not_installed_again(
    robot: Robot, fake: FakeEngine
) -> None:
    pinned = named("docker.io=26.1.5+dfsg1-9")
    operator = deployed(robot, fake, *pinned["engine"]["packages"])
    operator.fake = None
    robot.units["docker.service"] = {"ActiveState": "failed", "SubState": "failed", "Result": "exit-code"}
    told = operator.call(service(), state="planned", sent=False, **pinned)
    assert not told.get("needs")
    assert any("start the container engine" in line for line in told["plan"])


def test_a_removal_after_an_installation_that_failed_leaves_nothing(robot: Robot) -> None:
    operator = Operator(robot, None)
    assert operator.call(service(), sent=False)["needs"], "the packages are asked for, and do not come"
    assert (robot.root / SETTINGS).exists()
    operator.call(service(), state="absent", sent=False)
    assert not any("docker.service" in argv or "containerd.service" in argv for argv in operator.systemctl)
    assert not any((robot.root / path).exists() for path in (SETTINGS, f"{ROOT}/state.json"))


def test_a_removal_after_the_owner_removed_our_engine_gives_the_owners_settings_back(
    robot: Robot, fake: FakeEngine
) -> None:
    write(robot.root / SETTINGS, '{"debug": true}')
    operator = deployed(robot, fake, "docker.io")
    installed(robot)
    operator.fake = None
    operator.call(service(), state="absent", sent=False)
    assert (robot.root / SETTINGS).read_text() == '{"debug": true}'
    assert not (robot.root / f"{ROOT}/state.json").exists()
    assert (robot.root / STORE / "image").exists(), "its store goes where that is asked for"


def test_a_part_of_an_engine_of_ours_stays_known(robot: Robot) -> None:
    operator = Operator(robot, None)
    operator.call(service(), sent=False, **named("docker.io", "docker-cli"))
    installed(robot, "docker-cli")
    operator.call(service(), state="absent", sent=False, **named("docker.io", "docker-cli"))
    assert not any("docker.service" in argv for argv in operator.systemctl), "there is no such unit"
    (need,) = operator.call(service(), state="absent", remove_engine=True, sent=False, **named())["needs"]
    assert (need["kind"], need["names"]) == ("purge", ["docker-cli"])


def test_an_engine_of_others_that_they_have_removed_is_disabled_no_more(robot: Robot, fake: FakeEngine) -> None:
    installed(robot, "docker.io")
    robot.units["docker.service"] = {"UnitFileState": "disabled"}
    operator = Operator(robot, fake)
    operator.call(service())
    assert ["systemctl", "enable", "--quiet", "docker.service"] in operator.systemctl
    installed(robot)
    operator.fake = None
    for unit in ("docker.service", "docker.socket", "containerd.service"):
        robot.units[unit] = {"LoadState": "not-found", "ActiveState": "inactive", "UnitFileState": ""}
    operator.call(service(), state="absent", sent=False)
    assert not any("docker.service" in argv for argv in operator.systemctl)
    assert not (robot.root / f"{ROOT}/state.json").exists()


@pytest.mark.parametrize(("later", "replaces"), [(("docker-ce",), True), (("docker.io", "docker-buildx"), False)])
def test_packages_of_ours_alone_may_go_for_others(
    robot: Robot, fake: FakeEngine, later: tuple[str, ...], replaces: bool
) -> None:
    operator = Operator(robot, None)
    assert operator.call(service(), sent=False)["needs"][0]["replaces"] is False, "a bare robot's packages stay"
    operator = deployed(robot, fake, "docker.io")
    assert operator.call(service(), sent=False, **named(*later))["needs"][0]["replaces"] is replaces
