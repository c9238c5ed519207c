"""A number that is somebody's on the robot is refused, with the account's name, in plan and verification (row A19)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from robot_stack.fake_engine import FakeEngine
from robot_stack.operating import Operator
from robot_stack.robots import USER, Robot, service, write

UID, GID = USER.split(":")


@pytest.fixture
def operator(tmp_path: Path, any_owner: None) -> Any:
    robot = Robot(tmp_path / "robot", 2)
    write(robot.root / "etc/passwd", "root:x:0:0:root:/root:/bin/sh\nbad line\n")
    with FakeEngine(robot) as engine:
        yield Operator(robot, engine)


@pytest.mark.parametrize(
    ("file", "line", "words", "remedy"),
    [
        ("passwd", f"jane:x:{UID}:100:Jane:/home/jane:/bin/sh", f"{UID} is the user jane", "usermod -u NUMBER jane"),
        ("group", f"video:x:{GID}:jane", f"{GID} is the group video", "groupmod -g NUMBER video"),
        ("subuid", f"jane:{int(UID) - 5}:65536", "/etc/subgid for the user jane", "in those two files"),
        ("subgid", f"jane:{GID}:1", "/etc/subgid for the user jane", "in those two files"),
    ],
)
@pytest.mark.parametrize("state", ["present", "planned", "verified"])
def test_it_is_refused_with_the_accounts_name(
    operator: Operator, state: str, file: str, line: str, words: str, remedy: str
) -> None:
    write(operator.robot.root / "etc" / file, f"root:x:0:\n{line}\n")
    reason = operator.call(service(), state=state)["refusals"][0]
    assert words in reason
    assert remedy in reason
    assert "the files of sensor_service would be theirs, too" in reason
    assert operator.fake
    assert operator.fake.changes == []


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("passwd", f"jane:x:1000:{UID}:{UID}:/home:/bin/sh"),
        ("group", f"x{GID}:x:7:"),
        ("subuid", f"jane:{int(UID) + 1}:65536"),
        ("subuid", f"jane:{int(UID) - 5}:5"),
        ("subuid", f"jane:{UID}:many"),
        ("passwd", ""),
    ],
)
def test_another_number_is_no_matter(operator: Operator, file: str, line: str) -> None:
    write(operator.robot.root / "etc" / file, f"{line}\n")
    assert operator.call(service()).get("refusals") == []


def test_a_removal_is_not_held_up_by_it(operator: Operator) -> None:
    operator.call(service())
    write(operator.robot.root / "etc/passwd", f"jane:x:{UID}:100::/:\n")
    assert operator.call(service(), state="absent").get("refusals") == []
