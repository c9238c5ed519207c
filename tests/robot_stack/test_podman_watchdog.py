"""The watchdog on a robot with Podman: it starts no program of Podman's, and counts what happened once."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.host.systemd import CommandError
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records import state
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.watchdog import look
from robot_stack.fake_podman import FakePodman, PodmanOperator
from robot_stack.operating import NAME, ROOT
from robot_stack.robots import MIB, Robot, service
from robot_stack.test_watchdog import page, remembered

pytestmark = [pytest.mark.usefixtures("any_owner"), pytest.mark.parametrize("robot", [2], indirect=True)]
OWN = '{service="sensor_service"}'


@pytest.fixture
def running(robot: Robot, podman: FakePodman) -> FakePodman:
    result = PodmanOperator(robot, podman).call(service())
    assert not result.get("failed"), result
    robot.group("/robotstack.slice", 150 * MIB)
    robot.group("/robotstack.slice/robotstack-sensor_service.slice", None)
    podman.calls.clear()
    podman.told.clear()
    return podman


def looked(podman: FakePodman, after: float = 0.0) -> list[str]:
    said: list[str] = []
    settings = Path(podman.robot.root / ROOT / "watchdog")
    engine = podman.engine(looks_only=True)
    look.look(settings, podman.robot.roots, engine, time.time() + after, said.append, podman.kill)
    return said


def test_a_look_starts_nothing_of_podmans_and_tells_what_is_true(running: FakePodman) -> None:
    assert looked(running) == []
    found = page(running.robot)
    assert found[f"robot_stack_service_up{OWN}"] == 1
    assert found[f"robot_stack_service_memory_limit_effective_bytes{OWN}"] == 32 * MIB
    assert found[f"robot_stack_service_restarts_total{OWN}"] == 0
    assert found["robot_stack_engine_memory_pss_bytes"] == 840 * 1024
    assert found["robot_stack_memory_ceiling_bytes"] == 150 * MIB
    assert (running.calls, running.told) == ([], [])


def test_a_monitor_of_somebody_elses_container_is_not_counted(running: FakePodman) -> None:
    running.robot.process(77, "conmon", "/user.slice/theirs.service/supervisor", pss=5000, anonymous=4000)
    looked(running)
    assert page(running.robot)["robot_stack_engine_memory_pss_bytes"] == 840 * 1024


def test_a_kill_for_memory_is_counted_once_with_its_cause(running: FakePodman) -> None:
    looked(running)
    running.end(NAME, "137", kills=1)
    running.start(NAME)
    for after in (1, 30, 60):
        looked(running, after)
        known = remembered(running.robot)
        assert (known.oom_kills, known.restarts, known.cause) == (1, 1, state.OUT_OF_MEMORY)


def test_a_monitor_that_was_killed_is_one_end(running: FakePodman) -> None:
    looked(running)
    running.end(NAME, "KILL", code="killed")
    assert looked(running, 1) == [], "systemd is about to start it again"
    running.failed_attempt(NAME)
    running.start(NAME)
    for after in (30, 60):
        looked(running, after)
        known = remembered(running.robot)
        assert (known.oom_kills, known.restarts, known.starts, known.cause) == (0, 1, 0, state.KILLED)


def ended_often(podman: FakePodman, how: str) -> None:
    """Have systemd count five restarts of what runs by now: ends of some months, or attempts after a single one."""
    podman.end(NAME, "3")
    for _ in range(4):
        if how == "attempts":
            podman.failed_attempt(NAME)
        else:
            podman.start(NAME)
            podman.end(NAME, "3")
    podman.start(NAME)
    assert podman.units[NAME].restarts == 5


@pytest.mark.parametrize("how", ["ends", "attempts"])
def test_what_has_run_for_a_while_is_started_at_once_after_its_next_end(running: FakePodman, how: str) -> None:
    ended_often(running, how)
    assert looked(running, 1) == []
    assert running.told == [], "it may be what keeps ending"
    counted = remembered(running.robot).restarts
    assert counted == (5 if how == "ends" else 1)
    assert looked(running, 310) == []
    assert running.told == [["reset-failed", f"{NAME}.service"]]
    running.told.clear()
    for after in (340, 370):
        assert looked(running, after) == []
        assert (running.told, remembered(running.robot).restarts) == ([], counted)
        assert page(running.robot)[f"robot_stack_service_restarts_total{OWN}"] == counted
    running.end(NAME, "3")
    running.start(NAME)
    looked(running, 400)
    assert remembered(running.robot).restarts == counted + 1
    assert running.calls == []


def test_a_count_that_systemd_alone_has_is_left_to_it(running: FakePodman) -> None:
    """What the unit notes is gone, as by somebody's hand: what is told of restarts is told by nobody else."""
    ended_often(running, "ends")
    looked(running, 1)
    (running.robot.root / f"run/robot-stack-podman/{NAME}.lives").unlink()
    looked(running, 310)
    assert (running.told, remembered(running.robot).restarts) == ([], 5)


def test_a_systemd_that_refuses_it_is_told_of_and_nothing_else_is_missed(
    running: FakePodman, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended_often(running, "ends")

    def refused(_name: str) -> None:
        raise CommandError("systemctl reset-failed: exit 1: Access denied")

    monkeypatch.setattr(running, "_forgiven", refused)
    [said] = looked(running, 310)
    assert said.startswith("sensor_service will be started late after its next end: systemctl reset-failed: exit 1")
    assert page(running.robot)[f"robot_stack_service_up{OWN}"] == 1


def test_what_is_stopped_or_about_to_start_has_run_for_no_while(running: FakePodman) -> None:
    ended_often(running, "ends")
    running.end(NAME, "3")
    looked(running, 310)
    assert running.told == []


def test_what_an_operator_restarted_is_no_failure(running: FakePodman) -> None:
    looked(running)
    running.stop(NAME)
    running.start(NAME)
    looked(running, 30)
    known = remembered(running.robot)
    assert (known.restarts, known.starts, known.last_failure_at) == (0, 0, 0.0)


@pytest.mark.parametrize("how", ["inactive", "failed", "masked"])
def test_what_somebody_left_stopped_is_started_and_counted(running: FakePodman, how: str) -> None:
    running.stop(NAME)
    running.units[NAME].active = "failed" if how == "failed" else "inactive"
    if how == "masked":
        (running.robot.root / "etc/systemd/system" / f"{NAME}.service").symlink_to("/dev/null")
    [said] = looked(running)
    assert "not in robot_stack_stopped_services: starting it" in said
    assert running.units[NAME].active == "active"
    looked(running, 30)
    assert remembered(running.robot).starts == 1
    assert page(running.robot)[f"robot_stack_service_up{OWN}"] == 1
    assert running.calls == []


def test_what_somebody_paused_runs_on_and_is_counted_without_a_program_of_podmans(running: FakePodman) -> None:
    running.pause(NAME)
    [said] = looked(running)
    assert said == "sensor_service is paused, and not in robot_stack_stopped_services: starting it"
    assert looked(running, 30) == []
    assert remembered(running.robot).starts == 1
    assert page(running.robot)[f"robot_stack_service_up{OWN}"] == 1
    assert running.calls == []


def test_what_a_cut_off_run_left_resting_is_started(running: FakePodman) -> None:
    running.engine().stop(NAME, 5)
    running.calls.clear()
    [said] = looked(running)
    assert "starting it" in said
    assert running.units[NAME].active == "active"
    assert running.calls == []


@pytest.mark.parametrize(("active", "job"), [("activating", 0), ("inactive", 12)])
def test_what_systemd_is_about_to_start_is_left_to_it(running: FakePodman, active: str, job: int) -> None:
    running.stop(NAME)
    running.units[NAME].active, running.units[NAME].job = active, job
    assert looked(running) == []
    assert not [words for words in running.told if "start" in words]


def test_what_is_kept_stopped_stays_so(running: FakePodman) -> None:
    operator = PodmanOperator(running.robot, running)
    operator.call(service(), stopped=["sensor_service"])
    running.calls.clear()
    running.told.clear()
    assert looked(running) == []
    assert (running.calls, running.told) == ([], [])


def test_settings_that_name_no_engine_are_told(running: FakePodman) -> None:
    about = running.robot.root / ROOT / "watchdog/stack.json"
    about.write_text(about.read_text().replace('"podman"', '"other"'))
    [said] = looked(running)
    assert "does not say what to look after" in said
