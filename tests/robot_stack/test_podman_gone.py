"""Podman was removed by hand: the robot changes its engine all the same, and a removal leaves no unit behind."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.apply.apply import ServiceFailedError
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.docker import setup
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.podman import lives
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records import state
from robot_stack.fake_engine import FakeEngine
from robot_stack.fake_podman import FakePodman, PodmanOperator
from robot_stack.operating import NAME, ROOT, Operator
from robot_stack.robots import Robot, service, write
from robot_stack.test_engine_change import podman_is_ours
from robot_stack.test_engine_store import podman_is_gone

pytestmark = [pytest.mark.usefixtures("any_owner"), pytest.mark.parametrize("robot", [2], indirect=True)]
DECLARED = (service(), service("victoriametrics", 50))
HOW = ["running", "stopped", "set aside", "paused", "made by somebody"]


@pytest.fixture(params=HOW)
def gone(request: pytest.FixtureRequest, robot: Robot, podman: FakePodman) -> FakePodman:
    """A robot whose Podman is gone, and in which state one of its services was then."""
    operator = PodmanOperator(robot, podman)
    operator.call(*DECLARED)
    if request.param == "stopped":
        operator.call(*DECLARED, stopped=["sensor_service"])
    elif request.param == "set aside":
        operator.engine().rename(NAME, f"{NAME}.previous")
    elif request.param == "paused":
        podman.pause(NAME)
    elif request.param == "made by somebody":
        known = state.load(robot.root / ROOT)
        state.save(replace(known, engine_packages=[]), robot.root / ROOT)
    podman_is_gone(robot)
    podman.calls.clear()
    return podman


def units(robot: Robot) -> list[str]:
    return sorted(path.name for path in (robot.root / "etc/containers").rglob("robot-stack-*"))


def test_the_engine_changes_to_docker(robot: Robot, gone: FakePodman, fake: FakeEngine) -> None:
    write(robot.root / setup.BINARIES[0][1:], "")
    operator = Operator(robot, fake)
    operator.other = gone.engine()
    done = operator.call(*DECLARED)
    assert (done.get("failed"), done["verdict"]) == (None, "ok"), done
    assert (units(robot), gone.units) == ([], {})
    assert operator.call(*DECLARED)["plan"] == []


def test_a_service_that_fails_on_docker_leaves_its_unit_as_it_was(
    robot: Robot, gone: FakePodman, fake: FakeEngine
) -> None:
    write(robot.root / setup.BINARIES[0][1:], "")
    before = units(robot)
    fake.failing = "victoriametrics"
    operator = Operator(robot, fake)
    operator.other = gone.engine()
    with pytest.raises(ServiceFailedError, match="its container of Podman cannot be started again: "):
        operator.call(*DECLARED)
    assert units(robot) == [name for name in before if name != f"{NAME}.container"], "whose successor works"
    fake.failing = ""
    assert operator.call(*DECLARED).get("failed") is None
    assert units(robot) == []


@pytest.mark.parametrize("more", [{}, {"remove_engine": True, "remove_data": True}], ids=["data stay", "all goes"])
def test_a_removal_leaves_no_unit_that_would_start_again(robot: Robot, gone: FakePodman, more: dict[str, Any]) -> None:
    operator = PodmanOperator(robot, gone)
    planned = operator.call(*DECLARED, state="absent", check=True, sent=False, **more)
    assert f"stop and remove container {units(robot)[0].partition('.container')[0]}" in planned["plan"]
    told = operator.call(*DECLARED, state="absent", sent=False, **more)
    assert told.get("failed") is None, told
    assert (units(robot), gone.units) == ([], {})
    assert not list((robot.root / "etc/systemd/system").glob("robotstack*"))
    assert operator.call(*DECLARED, state="absent", sent=False, **more)["plan"] == []


def test_one_service_alone_is_removed(robot: Robot, gone: FakePodman) -> None:
    operator = PodmanOperator(robot, gone)
    told = operator.call(*DECLARED, state="absent", scope=["victoriametrics"], sent=False)
    assert told.get("failed") is None, told
    assert all(name.startswith(NAME) for name in units(robot))
    assert units(robot)


def test_what_somebody_had_paused_may_write_down_what_it_holds(robot: Robot, podman: FakePodman) -> None:
    PodmanOperator(robot, podman).call(service())
    podman.pause(NAME)
    podman_is_gone(robot)
    podman.engine().stop(NAME, 5)
    assert lives.load(robot.root / "run", NAME).exit_code == 0


def test_nothing_is_asked_of_it(robot: Robot, gone: FakePodman) -> None:
    PodmanOperator(robot, gone).call(*DECLARED, state="absent", sent=False)
    assert gone.calls == []


def test_what_was_deployed_comes_back_with_it(robot: Robot, podman: FakePodman) -> None:
    """Podman of ours is installed again by the next run, whose units and images are still there."""
    podman_is_ours(robot, podman)
    podman_is_gone(robot)
    operator = PodmanOperator(robot, podman)
    told = operator.call(service(), sent=False)
    assert [need["kind"] for need in told["needs"]][:1] == ["packages"]
    podman.install()
    done = operator.call(service())
    assert (done.get("failed"), done["verdict"]) == (None, "ok"), done


def test_folders_that_somebody_removed_with_it_are_missed_by_nobody(robot: Robot, podman: FakePodman) -> None:
    operator = PodmanOperator(robot, podman)
    operator.call(*DECLARED)
    podman_is_gone(robot)
    shutil.rmtree(robot.root / "etc/containers")
    told = operator.call(*DECLARED, state="absent", sent=False)
    assert told.get("failed") is None, told
