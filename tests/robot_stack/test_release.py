"""What /etc/os-release tells, and releases whose Podman is refused before it is installed."""

from __future__ import annotations

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.podman import programs
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.host import release
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.host.release import Release
from robot_stack.fake_podman import FakePodman, PodmanOperator
from robot_stack.robots import Robot, service, write

DEBIAN = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\nID=debian\n'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (DEBIAN, Release("debian", (12,), "Debian GNU/Linux 12 (bookworm)")),
        ("ID=ubuntu\nVERSION_ID='24.04'\n", Release("ubuntu", (24, 4))),
        ("# a comment\n\nID=debian\nPRETTY_NAME=Debian\n", Release("debian", (), "Debian")),  # testing has no number
        ("ID=other\nVERSION_ID=1.a\n", Release("other")),
        ("ID\nVERSION_ID==\n\x00\xff", Release("", ())),
        ("", Release()),
    ],
)
def test_a_release_is_read(robot: Robot, text: str, told: Release) -> None:
    assert release.find(robot.roots) == Release()
    write(robot.root / "usr/lib/os-release", text)
    assert release.find(robot.roots) == told
    write(robot.root / "etc/os-release", "ID=first\n")
    assert release.find(robot.roots).family == "first"


@pytest.fixture
def bare(robot: Robot, monkeypatch: pytest.MonkeyPatch) -> PodmanOperator:
    """A robot of Debian's family on which no engine was installed yet."""
    podman = FakePodman(robot)
    monkeypatch.setattr(programs, "_answer", podman.answer)
    write(robot.root / "var/lib/dpkg/status", "")
    return PodmanOperator(robot, podman)


@pytest.mark.parametrize("robot", [2], indirect=True)
@pytest.mark.parametrize(
    ("text", "words"),
    [
        (DEBIAN, "the Podman of Debian GNU/Linux 12 (bookworm) is older than 4.9"),
        ("ID=raspbian\nVERSION_ID=12\n", "the Podman of raspbian is older than 4.9"),
        ("ID=ubuntu\nVERSION_ID=22.04\nPRETTY_NAME='Ubuntu 22.04'\n", "the Podman of Ubuntu 22.04 is older than 4.9"),
    ],
)
@pytest.mark.parametrize("asked", ["present", "planned"])
def test_what_would_be_too_old_is_not_installed(
    bare: PodmanOperator, robot: Robot, text: str, words: str, asked: str
) -> None:
    write(robot.root / "etc/os-release", text)
    told = bare.call(service(), state=asked, sent=False)
    (reason,) = told["refusals"]
    assert words in reason
    assert "container_engine: docker" in reason
    assert (told["failed"], told["changed"]) == (True, False)
    assert "needs" not in told


@pytest.mark.parametrize("robot", [2], indirect=True)
@pytest.mark.parametrize(
    "text",
    ["", "ID=debian\nVERSION_ID=13\n", "ID=debian\n", "ID=ubuntu\nVERSION_ID=24.04\n", "ID=mint\nVERSION_ID=1\n"],
)
def test_others_get_it(bare: PodmanOperator, robot: Robot, text: str) -> None:
    write(robot.root / "etc/os-release", text)
    told = bare.call(service(), state="planned", sent=False)
    assert told["refusals"] == []
    assert "install crun, podman" in told["plan"]


@pytest.mark.parametrize("robot", [1, 2], indirect=True)
@pytest.mark.parametrize("asked", ["present", "planned"])
def test_what_limits_memory_in_one_hierarchy_alone_is_refused_on_another(
    bare: PodmanOperator, robot: Robot, asked: str
) -> None:
    told = bare.call(service(), state=asked, sent=False)
    reasons = [reason for reason in told.get("refusals", []) if "cgroup" in reason]
    if robot.version == 2:
        assert reasons == []
        return
    [reason] = reasons
    assert reason.startswith("Podman needs cgroup v2, and this robot's kernel has v1: start it with ")
    assert "systemd.unified_cgroup_hierarchy=1, or set container_engine: docker" in reason
    assert (told["failed"], told["changed"]) == (True, False)
    assert "needs" not in told


@pytest.mark.usefixtures("any_owner")
@pytest.mark.parametrize("robot", [2], indirect=True)
def test_a_newer_one_that_somebody_has_put_on_an_old_release_is_used(robot: Robot, podman: FakePodman) -> None:
    write(robot.root / "etc/os-release", DEBIAN)
    told = PodmanOperator(robot, podman).call(service())
    assert told["verdict"] == "ok"
