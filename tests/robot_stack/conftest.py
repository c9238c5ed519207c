"""Robots and engines that the tests of one service's life share."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.base import files
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.podman import programs
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.host import systemd
from robot_stack.fake_engine import FakeEngine
from robot_stack.fake_podman import FakePodman
from robot_stack.operating import Operator
from robot_stack.robots import Robot


@pytest.fixture
def robot(tmp_path: Path, request: pytest.FixtureRequest) -> Robot:
    """A robot with cgroup v1, or with the version that a test asks for."""
    return Robot(tmp_path, getattr(request, "param", 1))


@pytest.fixture(autouse=True)
def its_systemd(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Let the robot's systemd answer, and never that of the machine that runs the tests."""
    named = "robot" in request.fixturenames
    robot = request.getfixturevalue("robot") if named else Robot(tmp_path_factory.mktemp("any"), 1)
    programs = systemd.run

    def run(argv: Sequence[str]) -> str:
        if argv[0] not in ("systemctl", "journalctl"):
            return programs(argv)
        told: str | None = robot.tells(argv)
        assert told is not None, f"a test does something to this machine: {argv}"
        return told

    monkeypatch.setattr(systemd, "run", run)


@pytest.fixture
def fake(robot: Robot) -> Iterator[FakeEngine]:
    with FakeEngine(robot) as engine:
        yield engine


@pytest.fixture
def operator(robot: Robot, fake: FakeEngine) -> Operator:
    return Operator(robot, fake)


@pytest.fixture
def podman(robot: Robot, monkeypatch: pytest.MonkeyPatch) -> FakePodman:
    """A robot's Podman, installed, with nothing on it."""
    assert robot.version == 2, "Podman is used on cgroup v2 alone"
    made = FakePodman(robot)
    made.install()
    monkeypatch.setattr(programs, "_answer", made.answer)
    return made


@pytest.fixture
def any_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let files that shall be root's be ours: these tests need not run as root."""
    monkeypatch.setattr(os, "fchown", lambda *_: None)
    monkeypatch.setattr(
        files, "equal", lambda wanted, found: found and (wanted.content, wanted.mode) == (found.content, found.mode)
    )
    monkeypatch.setattr(files, "folder_equal", lambda wanted, found: wanted.mode == found.mode)
