"""What a service left in a folder that bears the name of its settings is there for its next settings, too."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.apply import rename_data
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec import model, parse
from robot_stack.fake_engine import FakeEngine
from robot_stack.operating import NAME, ROOT, Operator
from robot_stack.robots import Robot, parameters, service

pytestmark = pytest.mark.usefixtures("any_owner")
BUFFER = "sensor_service/buffer/queues"


def with_queue(name: str) -> dict[str, object]:
    data = {"name": "buffer", "target": "/data", "adopts": f"queues/1_{name}", "adopts_from": "queues/1_*"}
    return service(command=[f"-url={name}"], data=[data])


def folder(robot: Robot, name: str, text: str = "", age: int = 0) -> Path:
    path = robot.root / ROOT / BUFFER / name
    path.mkdir(parents=True)
    (path / "block").write_text(text)
    os.utime(path, (1000 - age, 1000 - age))
    return path


def found(robot: Robot) -> dict[str, str]:
    return {path.name: (path / "block").read_text() for path in sorted((robot.root / ROOT / BUFFER).iterdir())}


def take(robot: Robot, name: str) -> list[rename_data.Move]:
    stack = parse.parse(parameters(with_queue(name)))
    moves: list[rename_data.Move] = rename_data.take(stack, stack.services[0], robot.roots)
    return moves


def test_a_changed_setting_takes_over_what_the_former_one_left(operator: Operator, robot: Robot) -> None:
    operator.call(with_queue("old"))
    folder(robot, "1_old", "backlog")
    folder(robot, "2_other", "another one's")
    operator.call(with_queue("new"))
    assert found(robot) == {"1_new": "backlog", "2_other": "another one's"}
    operator.call(with_queue("old"))
    assert found(robot) == {"1_old": "backlog", "2_other": "another one's"}


def test_a_service_that_does_not_start_gives_it_back(operator: Operator, robot: Robot, fake: FakeEngine) -> None:
    operator.call(with_queue("old"))
    folder(robot, "1_old", "backlog")
    fake.failing = "-url=new"
    with pytest.raises(RuntimeError, match="the last good container was put back"):
        operator.call(with_queue("new"))
    assert found(robot) == {"1_old": "backlog"}
    assert fake.containers[NAME]["Config"]["Cmd"] == ["-url=old"]


def test_where_both_are_there_nothing_is_touched(robot: Robot) -> None:
    folder(robot, "1_old", "older")
    folder(robot, "1_new", "newer")
    assert take(robot, "new") == []
    assert found(robot) == {"1_old": "older", "1_new": "newer"}


def test_of_several_the_latest_is_taken(robot: Robot) -> None:
    folder(robot, "1_first", "first", age=20)
    folder(robot, "1_second", "second", age=10)
    assert len(take(robot, "new")) == 1
    assert found(robot) == {"1_first": "first", "1_new": "second"}


def test_a_service_without_such_a_folder_has_nothing_to_take(robot: Robot) -> None:
    assert take(robot, "new") == []


@pytest.mark.parametrize("wrong", ["/etc", "../other/1_x"])
def test_a_folder_outside_of_the_data_is_refused(wrong: str) -> None:
    data = {"name": "buffer", "target": "/data", "adopts": wrong, "adopts_from": "queues/1_*"}
    with pytest.raises(model.SpecError, match="leaves its directory"):
        parse.parse(parameters(service(data=[data])))


def pair(*names: str) -> dict[str, object]:
    """A service that sends to several places, each with a queue that bears its position and its name."""
    adopts = [
        {"adopts": f"queues/{place}_{name}", "adopts_from": f"queues/{place}_*"}
        for place, name in enumerate(names, start=1)
    ]
    data = {"name": "buffer", "target": "/data", **adopts[0], "also_adopts": adopts[1:]}
    return service(command=[f"-url={name}" for name in names], data=[data])


@pytest.mark.parametrize(
    ("there", "names", "afterwards"),
    [
        (["1_a"], ["a"], ["1_a"]),
        (["1_a"], ["b"], ["1_b=1_a"]),
        # a second place joins, behind the first one or before it
        (["1_a"], ["a", "b"], ["1_a"]),
        (["1_a"], ["b", "a"], ["2_a=1_a"]),
        # one of two leaves: what waits for the other goes to the other
        (["1_a", "2_b"], ["a"], ["1_a", "2_b"]),
        (["1_a", "2_b"], ["b"], ["1_a", "1_b=2_b"]),
        # they change their order, or one of them its address
        (["1_a", "2_b"], ["b", "a"], ["1_b=2_b", "2_a=1_a"]),
        (["1_a", "2_b"], ["c", "b"], ["1_c=1_a", "2_b"]),
        (["1_a", "2_b"], ["a", "c"], ["1_a", "2_c=2_b"]),
    ],
)
def test_what_waits_for_one_of_several_places_goes_there(
    robot: Robot, there: list[str], names: list[str], afterwards: list[str]
) -> None:
    for name in there:
        folder(robot, name, name)
    stack = parse.parse(parameters(pair(*names)))
    moves = rename_data.take(stack, stack.services[0], robot.roots)
    wanted = {new: old or new for new, _, old in (entry.partition("=") for entry in afterwards)}
    assert found(robot) == wanted
    rename_data.give_back(moves)
    assert found(robot) == {name: name for name in there}
