"""What a unit notes of its lives, by its own command lines, is what happened: ends, causes, starts nobody asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.podman import lives
from robot_stack.fake_podman import FakePodman, PodmanOperator
from robot_stack.operating import NAME
from robot_stack.robots import Robot, service

pytestmark = [pytest.mark.usefixtures("any_owner"), pytest.mark.parametrize("robot", [2], indirect=True)]


@pytest.fixture
def running(robot: Robot, podman: FakePodman) -> FakePodman:
    PodmanOperator(robot, podman).call(service())
    robot.group("/robotstack.slice/robotstack-sensor_service.slice", None)
    podman.units[NAME].restarts = 0
    return podman


def known(podman: FakePodman) -> lives.Lives:
    return lives.load(podman.robot.root / "run", NAME)


def actions(podman: FakePodman) -> list[tuple[str, str]]:
    return [(event.action, event.exit_code or event.signal) for event in known(podman).events]


def test_a_first_start_is_no_restart(running: FakePodman) -> None:
    found = known(running)
    assert (actions(running), found.restarts) == ([("start", "")], 0)
    assert found.started_at > 1.7e9
    assert (found.finished_at, found.oom_killed) == (0.0, False)


def test_an_end_is_told_with_its_code_and_the_start_after_it_is_counted(running: FakePodman) -> None:
    running.end(NAME, "3")
    running.start(NAME)
    assert actions(running) == [("start", ""), ("die", "3"), ("start", "")]
    found = known(running)
    assert (found.restarts, found.exit_code, found.oom_killed) == (1, 3, False)
    assert 0 < found.finished_at <= found.started_at


def test_a_kill_for_memory_is_told_by_the_kernels_count(running: FakePodman) -> None:
    running.end(NAME, "137", kills=1)
    assert actions(running) == [("start", ""), ("oom", ""), ("die", "137")]
    assert known(running).oom_killed
    running.start(NAME)
    running.end(NAME, "137")  # by somebody's hand, and not by the kernel
    assert actions(running)[3:] == [("start", ""), ("die", "137")]
    assert not known(running).oom_killed


def test_a_monitor_that_was_killed_is_one_end_however_many_attempts_follow(running: FakePodman) -> None:
    running.end(NAME, "KILL", code="killed")
    running.failed_attempt(NAME)
    running.failed_attempt(NAME)
    running.start(NAME)
    assert actions(running) == [("start", ""), ("die", "137"), ("start", "")]
    assert known(running).restarts == 1
    assert running.units[NAME].restarts == 3, "what systemd counts"
    inspected = running.engine(looks_only=True).inspect(NAME)
    assert inspected is not None
    assert inspected.restarts == 1


def test_a_stop_is_told_as_asked_for_and_counting_begins_anew(running: FakePodman) -> None:
    running.end(NAME, "3")
    running.start(NAME)
    running.stop(NAME)
    running.start(NAME)
    assert actions(running)[3:] == [("kill", "15"), ("die", "0"), ("start", "")]
    assert known(running).restarts == 0


def test_a_file_that_grew_is_cut_and_goes_on(running: FakePodman) -> None:
    path = running.robot.root / "run/robot-stack-podman" / NAME
    path.write_text("1700000000.5 start 0\n" * 4000)
    running.end(NAME, "3")
    lines = path.read_text().splitlines()
    assert len(lines) == lives.KEPT_LINES
    assert " die exited 3" in lines[-1]
    running.start(NAME)
    assert known(running).restarts == 1


def test_a_run_folder_that_cannot_be_written_to_is_no_failure(running: FakePodman) -> None:
    folder = running.robot.root / "run/robot-stack-podman"
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    running.end(NAME, "3")
    found = running.engine(looks_only=True).inspect(NAME)
    assert found is not None
    # systemd's own words stand in for what was not noted
    assert (found.restarts, found.exit_code, found.status) == (1, 3, "restarting")


@pytest.mark.parametrize(
    "line",
    [
        "",
        "start",
        "5 die",
        "x start 0",
        "5 begin 0",
        "5 die exited",
        "5 die exited 1 2 3",
        "9" * 40 + " start 0",
        "5 start -1",
    ],
)
def test_a_line_that_says_nothing_is_passed_over(line: str, robot: Robot) -> None:
    assert lives.told([line, "5.0 start 0"], 0).events == lives.told(["5.0 start 0"], 0).events


def test_what_is_no_text_and_no_number_tells_nothing(tmp_path: Path, robot: Robot) -> None:
    folder = tmp_path / lives.FOLDER
    folder.mkdir()
    (folder / NAME).write_bytes(b"\xff\xfe\0" * 1000)
    (folder / f"{NAME}.lives").write_bytes(b"\xff")
    assert lives.load(tmp_path, NAME) == lives.Lives()
    assert lives.load(tmp_path / "nowhere", NAME) == lives.Lives()


@pytest.mark.parametrize(
    ("code", "status", "number"),
    [
        ("exited", "0", 0),
        ("exited", "137", 137),
        ("killed", "KILL", 137),
        ("killed", "TERM", 143),
        ("dumped", "SEGV", 139),
        ("killed", "9", 137),
        ("killed", "RTMIN+3", 128),
    ],
)
def test_systemds_words_for_an_end_are_a_shells_code(code: str, status: str, number: int, robot: Robot) -> None:
    assert lives.exit_code(code, status) == number
