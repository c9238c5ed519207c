"""A disk that may not be written to is told before anything is touched, with its mount and the remedy (row A13)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.host import mounts
from robot_stack.fake_engine import FakeEngine
from robot_stack.operating import Operator
from robot_stack.robots import Robot, service, write

ROOT = "24 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"


def line(point: str, options: str = "rw", filesystem: str = "rw") -> str:
    return f"30 24 8:2 / {point} {options},relatime shared:2 - ext4 /dev/sdb1 {filesystem},errors=remount-ro\n"


@pytest.fixture
def robot(tmp_path: Path) -> Robot:
    return Robot(tmp_path / "robot", 2)


def found(robot: Robot, mountinfo: str, *paths: str) -> dict[str, list[str]]:
    write(robot.root / "proc/self/mountinfo", mountinfo)
    return mounts.read_only(paths or ("/var/lib/robot-stack",), robot.roots)


def test_a_mount_that_was_made_read_only_is_seen(robot: Robot) -> None:
    assert found(robot, ROOT + line("/var/lib/robot-stack", "ro")) == {"/var/lib/robot-stack": ["/var/lib/robot-stack"]}
    assert found(robot, ROOT + line("/var", "ro")) == {"/var": ["/var/lib/robot-stack"]}


def test_a_file_system_that_the_kernel_made_read_only_after_an_error_is_seen(robot: Robot) -> None:
    assert found(robot, ROOT + line("/var", filesystem="ro")) == {"/var": ["/var/lib/robot-stack"]}
    assert found(robot, line("/", filesystem="ro"), "/etc/systemd/system") == {"/": ["/etc/systemd/system"]}


def test_what_is_mounted_over_it_or_beside_it_counts(robot: Robot) -> None:
    assert found(robot, line("/", "ro") + line("/var")) == {}
    assert found(robot, ROOT + line("/var", "ro") + line("/var")) == {}
    assert found(robot, ROOT + line("/var/lib/robot", "ro")) == {}
    assert found(robot, ROOT + line("/var", "rw,errors=remount-ro")) == {}


def test_a_folder_that_is_a_link_is_looked_for_where_it_leads(robot: Robot) -> None:
    (robot.root / "disk" / "stack").mkdir(parents=True)
    (robot.root / "var/lib/robot-stack").symlink_to(robot.root / "disk" / "stack")
    assert found(robot, ROOT + line("/disk", "ro")) == {"/disk": ["/var/lib/robot-stack"]}


def test_a_mount_point_with_a_blank_in_its_name_is_read(robot: Robot) -> None:
    assert found(robot, ROOT + line("/my\\040disk", "ro"), "/my disk/stack") == {"/my disk": ["/my disk/stack"]}


@pytest.fixture
def operator(robot: Robot, any_owner: None) -> Any:
    with FakeEngine(robot) as engine:
        yield Operator(robot, engine)


@pytest.mark.parametrize("state", ["present", "planned", "verified", "absent"])
@pytest.mark.parametrize("point", ["/var/lib/robot-stack", "/etc", "/run"])
def test_every_run_says_so_and_none_touches_the_robot(operator: Operator, state: str, point: str) -> None:
    operator.call(service())
    before = {path: path.stat().st_mtime_ns for path in operator.robot.root.rglob("*")}
    write(operator.robot.root / "proc/self/mountinfo", ROOT + line(point, "ro"))
    (reason,) = operator.call(service(), state=state, sent=False)["refusals"]
    assert reason.startswith(f"{point} is mounted read-only, and /")
    assert f"mount -o remount,rw {point} " in reason
    assert operator.fake
    assert operator.fake.changes == []
    assert {path for path, at in before.items() if path.exists() and path.stat().st_mtime_ns != at} <= {
        operator.robot.root / "proc",
        operator.robot.root / "proc/self",
        operator.robot.root / "run/robot-stack-lock",
    }
