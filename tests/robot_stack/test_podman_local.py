"""A Podman that its owner has put into /usr/local is one like any other, where systemd's generator came along."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.podman import programs
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records import state
from robot_stack.fake_podman import GENERATOR, LOCAL, PROGRAM, FakePodman, PodmanOperator
from robot_stack.operating import NAME, ROOT
from robot_stack.robots import Robot, service, write
from robot_stack.test_engine_change import podman_is_ours

pytestmark = [pytest.mark.usefixtures("any_owner"), pytest.mark.parametrize("robot", [2], indirect=True)]
LOCAL_GENERATOR = GENERATOR.replace("usr/lib", "usr/local/lib")
BOOKWORM = 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian 12"\n'


@pytest.fixture
def started(podman: FakePodman, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The programs that were started, below the robot's root."""
    found = set[str]()
    real = podman.answer

    def answer(argv: Any, *more: Any) -> str:
        found.update(word[len(str(podman.robot.root)) + 1 :] for word in argv if word.endswith("/bin/podman"))
        return real(argv, *more)

    monkeypatch.setattr(programs, "_answer", answer)
    return found


def move(robot: Robot, *, generator: bool = True) -> None:
    """Have the robot's only Podman be in /usr/local, on a release whose own would be too old."""
    (robot.root / PROGRAM).unlink()
    (robot.root / GENERATOR).unlink()
    write(robot.root / LOCAL, "")
    write(robot.root / "etc/os-release", BOOKWORM)
    write(robot.root / "var/lib/dpkg/status", "Package: base\nStatus: install ok installed\n")
    if generator:
        write(robot.root / LOCAL_GENERATOR, "")


def test_it_is_used_and_is_its_owners(robot: Robot, podman: FakePodman, started: set[str]) -> None:
    move(robot)
    operator = PodmanOperator(robot, podman)
    done = operator.call(service())
    assert (done.get("failed"), done["verdict"]) == (None, "ok"), done
    assert started == {LOCAL}
    assert podman.units[NAME].active == "active"
    assert state.load(robot.root / ROOT).engine_packages == []
    assert operator.call(service())["plan"] == []
    told = operator.call(service(), state="absent", remove_engine=True, sent=False)
    assert (told.get("failed"), told.get("needs")) == (None, None), told
    assert (robot.root / LOCAL).exists()


def test_it_comes_before_the_distributions_as_in_a_shell(robot: Robot, podman: FakePodman, started: set[str]) -> None:
    write(robot.root / LOCAL, "")
    PodmanOperator(robot, podman).call(service())
    assert started == {LOCAL}


def test_ours_goes_from_beside_it_and_it_stays(robot: Robot, podman: FakePodman) -> None:
    podman_is_ours(robot, podman)
    write(robot.root / LOCAL, "")
    operator = PodmanOperator(robot, podman)
    first = operator.call(service(), state="absent", remove_engine=True, sent=False)
    assert [need["kind"] for need in first["needs"]] == ["purge"], first
    (robot.root / PROGRAM).unlink()
    write(robot.root / "var/lib/dpkg/status", "Package: base\nStatus: install ok installed\n")
    told = operator.call(service(), state="absent", remove_engine=True, sent=False)
    assert (told.get("failed"), told.get("needs")) == (None, None), told


@pytest.mark.parametrize("version", ["5.4.2", "6.0.0"])
@pytest.mark.parametrize("masked", [True, False])
def test_without_its_generator_no_unit_would_be_made_of_a_file(
    robot: Robot, podman: FakePodman, version: str, masked: bool
) -> None:
    move(robot, generator=masked)
    if masked:
        mask = robot.root / "etc/systemd/system-generators/podman-system-generator"
        mask.parent.mkdir(parents=True)
        mask.symlink_to("/dev/null")
    podman.version = version
    told = PodmanOperator(robot, podman).call(service())
    assert told["failed"]
    assert (
        "Podman came without podman-system-generator, by which systemd makes units of what is to run: put it into "
        "/usr/local/lib/systemd/system-generators"
    ) in told["msg"]
    assert (podman.changes, podman.told) == ([], [])


@pytest.mark.parametrize("folder", ["run", "etc", "usr/local/lib", "usr/lib"])
def test_the_generator_may_be_wherever_systemd_looks_for_one(robot: Robot, podman: FakePodman, folder: str) -> None:
    move(robot, generator=False)
    write(robot.root / folder / "systemd/system-generators/podman-system-generator", "")
    assert PodmanOperator(robot, podman).call(service()).get("failed") is None


def test_the_generator_that_systemd_runs_is_asked_why_there_is_no_unit(
    robot: Robot, podman: FakePodman, monkeypatch: pytest.MonkeyPatch
) -> None:
    move(robot)
    asked = []
    run = podman.run

    def noted(argv: list[str]) -> str:
        if argv[0].endswith("generator"):
            asked.append(argv)
            return ""
        return run(argv)

    monkeypatch.setattr(podman, "run", noted)
    monkeypatch.setattr(podman, "reload", lambda: None)
    with pytest.raises(Exception, match="Quadlet made none of its file"):
        PodmanOperator(robot, podman).call(service())
    assert asked == [[str(robot.root / LOCAL_GENERATOR), "--dryrun"]]


def test_what_is_to_be_done_on_an_old_release_is_what_works(robot: Robot, podman: FakePodman) -> None:
    move(robot)
    (robot.root / LOCAL).unlink()
    told = PodmanOperator(robot, podman).call(service())
    assert (
        "or install a newer one by other means, into /usr/local/bin or /usr/bin, its systemd generator included"
        in (told["msg"])
    )
    podman.version = "4.3.1"
    write(robot.root / LOCAL, "")
    told = PodmanOperator(robot, podman).call(service())
    assert "Podman 4.3.1, 4.9 or later is needed: install a newer one" in told["msg"]
