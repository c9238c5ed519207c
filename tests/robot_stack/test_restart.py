"""A process that hangs is ended, and nobody else's; the engine starts its container again."""

from __future__ import annotations

import signal
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.docker.api import DockerEngine
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.docker.driver import Docker
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.protocol import EngineError
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.watchdog import restart
from robot_stack.fake_engine import FakeEngine
from robot_stack.robots import Robot

NAME = "robot-stack-sensor_service"


@pytest.fixture
def running(robot: Robot, fake: FakeEngine) -> FakeEngine:
    pid, identity = 4711, "c0ffee"
    robot.process(pid, "service", f"/robotstack.slice/docker-{identity}.scope")
    state = {"Running": True, "Status": "running", "Pid": pid}
    host = {"CgroupParent": "robotstack.slice", "Memory": 1 << 20, "MemorySwap": 1 << 20}
    fake.containers[NAME] = {"Id": identity, "State": state, "HostConfig": host, "RestartCount": 2, "Config": {}}
    return fake


def restarted(fake: FakeEngine, robot: Robot, kill: Any = None) -> int:
    counted: int = restart.restart(DockerEngine(fake.socket), NAME, 0.2, robot.root / "proc", kill or fake.kill)
    return counted


def test_it_is_asked_to_end_first(running: FakeEngine, robot: Robot) -> None:
    assert restarted(running, robot) == 3
    assert running.killed == [signal.SIGTERM]


def test_one_that_does_not_listen_is_ended_by_force(running: FakeEngine, robot: Robot) -> None:
    running.deaf_to = {signal.SIGTERM}
    assert restarted(running, robot) == 3
    assert running.killed == [signal.SIGTERM, signal.SIGKILL]


def test_another_process_that_got_its_number_is_left_alone(running: FakeEngine, robot: Robot) -> None:
    def kill(pid: int, what: int) -> None:
        running.kill(pid, what)
        robot.process(pid, "bystander", "/user.slice")

    assert restarted(running, robot, kill) == 3
    assert running.killed == [signal.SIGTERM]


def test_an_engine_that_does_not_start_it_again_is_told_of(
    running: FakeEngine, robot: Robot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restart, "KILL_SECONDS", 0.2)
    monkeypatch.setattr(Docker, "restart_seconds", 0.2)
    running.deaf_to = {signal.SIGTERM, signal.SIGKILL}
    with pytest.raises(EngineError, match="has not started robot-stack-sensor_service again"):
        restarted(running, robot)


def test_a_container_that_does_not_run_has_no_process_to_end(
    running: FakeEngine, robot: Robot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restart, "KILL_SECONDS", 0.2)
    monkeypatch.setattr(Docker, "restart_seconds", 0.2)
    running.containers[NAME]["State"] = {"Running": False, "Pid": 0}
    with pytest.raises(EngineError):
        restarted(running, robot)
    assert running.killed == []
