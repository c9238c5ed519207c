"""One container takes another's place: whatever fails or is cut off, what worked runs again."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.apply import replacement
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.apply.replacement import (
    Replacement,
    ServiceFailedError,
)
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.ask import data_check, http
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.docker import container
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.docker.api import DockerEngine
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.judge import cause
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec import parse
from robot_stack.fake_engine import FakeEngine
from robot_stack.robots import IMAGE, parameters, service

NAME = "robot-stack-sensor_service"
PREVIOUS = f"{NAME}.previous"
OTHER_IMAGE = {**IMAGE, "Id": "sha256:2"}


@pytest.fixture
def stack() -> Any:
    return parse.parse(parameters(service()))


class Robot:
    """A service that runs, and what is asked for it next."""

    def __init__(self, fake: FakeEngine, stack: Any) -> None:
        self.fake, self.remembered = fake, list[tuple[str, str]]()
        fake.images["sensor_service:1"] = IMAGE
        self.engine, self.service = DockerEngine(fake.socket), stack.services[0]
        self.request = container.body(stack, self.service, "cgroupfs", "")
        self.replacement = Replacement(
            self.service,
            self.engine,
            lambda: 1000.0,
            lambda s, image: self.remembered.append((s.name, image)),
            pause=lambda _seconds: None,
        )

    def run(self, name: str = NAME, running: bool = True) -> str:
        self.engine.create(name, self.request)
        if running:
            self.engine.start(name)
        return str(self.fake.containers[name]["Id"])

    def runs(self) -> dict[str, bool]:
        return {name: found["State"]["Running"] for name, found in self.fake.containers.items()}


@pytest.fixture
def robot(fake: FakeEngine, stack: Any) -> Robot:
    return Robot(fake, stack)


def test_a_new_container_takes_over_and_the_old_one_goes(robot: Robot) -> None:
    old = robot.run()
    robot.replacement.make(robot.request)
    assert robot.runs() == {NAME: True}
    assert robot.fake.containers[NAME]["Id"] != old
    assert robot.remembered == [("sensor_service", IMAGE["Id"])]


@pytest.mark.parametrize("action", ["stop", "rename", "start"])
def test_whatever_the_engine_refuses_the_old_one_runs_again(robot: Robot, action: str) -> None:
    old = robot.run()
    refused = f"POST /containers/{NAME}/{action}"
    robot.fake.errors[refused] = (500, b'{"message": "not now"}')
    if action == "start":  # only the new one is refused
        robot.fake.errors.pop(refused)
        robot.fake.failing = '"run"'
        robot.request = {**robot.request, "Cmd": ["run"]}
    with pytest.raises(ServiceFailedError, match=replacement.PUT_BACK):
        robot.replacement.make(robot.request)
    assert robot.runs() == {NAME: True}
    assert robot.fake.containers[NAME]["Id"] == old
    assert robot.remembered == []


def test_an_error_that_nobody_foresaw_does_not_leave_the_service_stopped(
    robot: Robot, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = robot.run()

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(http, "wait_until_healthy", interrupted)
    with pytest.raises(KeyboardInterrupt):
        robot.replacement.make(robot.request)
    assert (robot.runs(), robot.fake.containers[NAME]["Id"]) == ({NAME: True}, old)


def test_a_log_that_cannot_be_read_keeps_the_old_one_from_nothing(
    robot: Robot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(*_: object) -> str:
        raise ValueError("a log that nobody foresaw")

    old = robot.run()
    monkeypatch.setattr(cause, "of", unreadable)
    robot.fake.failing = '"run"'
    with pytest.raises(ValueError, match="nobody foresaw"):
        robot.replacement.make({**robot.request, "Cmd": ["run"]})
    assert robot.runs() == {NAME: True}
    assert robot.fake.containers[NAME]["Id"] == old


def test_a_first_container_that_fails_leaves_nothing(robot: Robot) -> None:
    robot.fake.failing = "sensor_service"
    with pytest.raises(ServiceFailedError, match=replacement.NOTHING_LEFT):
        robot.replacement.make(robot.request)
    assert robot.runs() == {}


def test_what_an_interrupted_run_set_aside_stays_the_way_back(robot: Robot) -> None:
    good = robot.run(PREVIOUS, running=False)
    robot.run()  # nobody saw it work
    robot.fake.failing = '"bad"'
    with pytest.raises(ServiceFailedError, match=replacement.PUT_BACK):
        robot.replacement.make({**robot.request, "Cmd": ["bad"]})
    assert (robot.runs(), robot.fake.containers[NAME]["Id"]) == ({NAME: True}, good)


def test_settling_keeps_what_works(robot: Robot) -> None:
    robot.run(PREVIOUS, running=False)
    new = robot.run()
    robot.replacement.settle()
    assert (robot.runs(), robot.fake.containers[NAME]["Id"]) == ({NAME: True}, new)
    assert robot.remembered == [("sensor_service", IMAGE["Id"])]


def test_settling_puts_back_where_the_new_one_does_not_work(robot: Robot) -> None:
    good = robot.run(PREVIOUS, running=False)
    robot.run(running=False)
    with pytest.raises(ServiceFailedError, match=replacement.PUT_BACK):
        robot.replacement.settle()
    assert (robot.runs(), robot.fake.containers[NAME]["Id"]) == ({NAME: True}, good)


def answers(*counts: int | None) -> Callable[[str, str, str], tuple[int, str]]:
    """A query API that finds so many targets, one question after the other, the last for ever."""
    left = list(counts)

    def ask(*_: str) -> tuple[int, str]:
        count = left.pop(0) if len(left) > 1 else left[0]
        if count is None:
            return 0, "connection refused"
        result = [{"value": [1, str(count)]}] if count else []
        return 200, json.dumps({"data": {"result": result}})

    return ask


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.now += seconds


DATABASE = parse.parse(parameters(service("victoriametrics", history_url="http://127.0.0.1:8428"))).services[0]


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (2, (2,), ""),
        (2, (None, 0, 2), ""),  # a fresh start takes its time
        (2, (0,), "2 series had samples, it finds 0"),
        (2, (1,), "it finds 1"),
        (2, (None,), "it does not answer queries"),
        (0, (0,), ""),  # nothing was there to be lost
        (None, (0,), ""),  # it could not be asked
    ],
)
def test_a_version_must_find_what_was_kept(before: int | None, after: tuple[int | None, ...], words: str) -> None:
    clock = Clock()
    found = data_check.lost(DATABASE, 5.0, before, ask=answers(*after), pause=clock.pause, clock=clock)
    assert found.endswith(words)
    assert bool(found) == bool(words)


def test_what_keeps_no_history_is_not_asked(stack: Any) -> None:
    assert data_check.series_at(stack.services[0], 5.0, ask=answers(3)) is None
    assert data_check.series_at(DATABASE, 5.0, ask=lambda *_: (200, "no JSON")) is None


@pytest.mark.parametrize(("image", "asked"), [(IMAGE, False), (OTHER_IMAGE, True)])
def test_only_another_image_is_asked_for_what_it_finds(
    robot: Robot, monkeypatch: pytest.MonkeyPatch, image: dict[str, Any], asked: bool
) -> None:
    robot.run()
    robot.fake.images["sensor_service:1"] = image
    questions: list[str] = []
    monkeypatch.setattr(data_check, "series_at", lambda _service, _moment, query: questions.append(query))
    robot.replacement.make(robot.request)
    assert questions == ([data_check.VERSIONS] if asked else [])


def test_a_version_that_finds_nothing_of_it_is_put_back(robot: Robot, monkeypatch: pytest.MonkeyPatch) -> None:
    old = robot.run()
    robot.fake.images["sensor_service:1"] = OTHER_IMAGE
    monkeypatch.setattr(data_check, "series_at", lambda *_: 2)
    monkeypatch.setattr(data_check, "lost", lambda *_: "it finds 0")
    with pytest.raises(ServiceFailedError, match=f"it finds 0; {replacement.PUT_BACK}"):
        robot.replacement.make(robot.request)
    assert robot.fake.containers[NAME]["Id"] == old
