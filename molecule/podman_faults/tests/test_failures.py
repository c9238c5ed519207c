"""A leak, a hang, a conmon and a container that somebody ends: each is mended on the robot, and counted once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from failures import answers, fail_by, kept, watched
from quadlet import conmon, events, process
from waiting import patience, until

SENSOR = "sensor_service"


@pytest.fixture(autouse=True)
def _others(robot: Any) -> Iterator[None]:
    """Whatever happens to the sensor service, nothing happens to anybody else."""
    until(lambda: answers(robot) and watched(robot, "robot_stack_service_up") == 1, "it serves", patience(robot))
    before = robot.started_at("victoriametrics"), robot.run("cat /proc/sys/kernel/random/boot_id")
    yield
    assert (robot.started_at("victoriametrics"), robot.run("cat /proc/sys/kernel/random/boot_id")) == before
    assert robot.get("http://127.0.0.1:8428/health") == "OK"


def serves_anew(robot: Any, before: int) -> bool:
    """Whether it answers, and as another process than ``before``."""
    return answers(robot) and process(robot, SENSOR) not in (0, before)


def counted(robot: Any, what: str, before: dict[str, Any]) -> None:
    """Wait until the watchdog has counted one of ``what``; it has counted nothing else."""
    until(lambda: kept(robot, SENSOR)[what] > before[what], f"one of the {what} is counted", patience(robot))
    after = kept(robot, SENSOR)
    grown = {name: after[name] - before[name] for name in ("restarts", "oom_kills", "hangs", "starts")}
    also = {"restarts": 1} if what == "oom_kills" else {}
    assert grown == {**dict.fromkeys(grown, 0), what: 1, **also}


def test_a_leak_is_killed_at_its_limit_and_serves_again(robot: Any) -> None:
    before, pid, kills = kept(robot, SENSOR), robot.pid(SENSOR), events(robot, SENSOR)["oom_kill"]
    fail_by(robot, "USR1")
    until(lambda: serves_anew(robot, pid), "it is killed, and serves again by itself", patience(robot))
    counted(robot, "oom_kills", before)
    assert events(robot, SENSOR)["oom_kill"] == kills + 1
    said = robot.run("dmesg | grep 'Memory cgroup out of memory'").splitlines()
    assert len(said) == kills + 1, "the kernel killed nothing else"


def test_one_that_hangs_is_restarted_by_the_watchdog(robot: Any) -> None:
    before, pid = kept(robot, SENSOR), robot.pid(SENSOR)
    robot.run(f"kill -STOP {pid}")
    until(lambda: serves_anew(robot, pid), "the watchdog restarts it", patience(robot))
    counted(robot, "hangs", before)


def test_a_conmon_that_is_killed_leaves_no_process_behind_and_the_service_starts_again(robot: Any) -> None:
    before, pid, between = kept(robot, SENSOR), robot.pid(SENSOR), conmon(robot, SENSOR)
    assert between
    robot.run(f"kill -KILL {between}")
    until(lambda: serves_anew(robot, pid), "systemd starts it again", patience(robot))
    assert robot.host.run(f"test -d /proc/{pid}").rc != 0, "the container went with it"
    counted(robot, "restarts", before)


def test_a_container_that_is_removed_is_made_again_of_its_unit(robot: Any) -> None:
    pid = robot.pid(SENSOR)
    robot.run(f"podman rm --force --time 1 robot-stack-{SENSOR}")
    until(lambda: serves_anew(robot, pid), "it is there again", patience(robot))


def test_one_that_somebody_pauses_runs_on(robot: Any) -> None:
    before, pid = kept(robot, SENSOR), robot.pid(SENSOR)
    robot.run(f"podman pause robot-stack-{SENSOR}")
    counted(robot, "starts", before)
    until(lambda: answers(robot), "it serves", patience(robot))
    assert robot.pid(SENSOR) == pid, "it was not restarted"
