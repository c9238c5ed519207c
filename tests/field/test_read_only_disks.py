"""A disk that may not be written to, or that forgets, is told before anything is touched, with the remedy (row A13)."""

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


def overlay(upper: str, point: str = "") -> str:
    options = f"rw,lowerdir=/media/root-ro,upperdir={upper},workdir=/media/root-rw/work"
    return f"24 1 0:22 / /{point} rw,relatime shared:1 - overlay overlayroot {options}\n"


RAM = "25 24 0:21 / /media/root-rw rw,relatime shared:2 - tmpfs tmpfs-root rw\n"
IN_A_CONTAINER = overlay("/var/lib/docker/overlay2/3f/diff")


def forgotten(
    robot: Robot, mountinfo: str, *paths: str, kernel_line: str = "root=/dev/mmcblk0p2"
) -> dict[str, list[str]]:
    write(robot.root / "proc/self/mountinfo", mountinfo)
    write(robot.root / "proc/cmdline", f"{kernel_line}\n")
    return mounts.forgetful(paths or ("/var/lib/robot-stack",), robot.roots)


def test_a_root_whose_changes_are_in_ram_is_seen(robot: Robot) -> None:
    assert forgotten(robot, overlay("/media/root-rw/overlay") + RAM) == {"/": ["/var/lib/robot-stack"]}
    assert forgotten(robot, ROOT.replace("ext4", "tmpfs")) == {"/": ["/var/lib/robot-stack"]}
    assert forgotten(robot, ROOT + line("/var").replace("ext4", "tmpfs")) == {"/var": ["/var/lib/robot-stack"]}


@pytest.mark.parametrize("word", ["boot=overlay", "overlayroot=tmpfs", "overlayroot=tmpfs:recurse=0"])
def test_where_the_ram_itself_is_out_of_sight_the_kernel_line_tells(robot: Robot, word: str) -> None:
    """As the initrd of an older raspi-config leaves it."""
    hidden = overlay("/upper/data")
    assert forgotten(robot, hidden, kernel_line=f"console=tty1 {word} quiet") == {"/": ["/var/lib/robot-stack"]}
    assert forgotten(robot, hidden, kernel_line=f"not{word}") == {}


def test_a_root_that_keeps_what_is_written_is_none_of_them(robot: Robot) -> None:
    assert forgotten(robot, IN_A_CONTAINER + line("/var/lib/docker")) == {}
    assert forgotten(robot, overlay("/media/root-rw/overlay") + RAM.replace("tmpfs tmpfs-root", "ext4 /dev/sda3")) == {}
    assert forgotten(robot, ROOT + RAM, kernel_line="boot=overlay") == {}, (
        "it was switched off since, as far as one sees"
    )


def test_a_disk_of_its_own_is_remembered_below_a_forgetful_root(robot: Robot) -> None:
    told = overlay("/media/root-rw/overlay") + RAM + line("/var/lib/robot-stack")
    assert forgotten(robot, told, "/var/lib/robot-stack", "/etc/systemd/system") == {"/": ["/etc/systemd/system"]}


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


@pytest.mark.parametrize("state", ["present", "planned", "verified", "absent"])
def test_every_run_says_that_a_root_forgets_and_none_touches_the_robot(operator: Operator, state: str) -> None:
    operator.call(service())
    write(operator.robot.root / "proc/self/mountinfo", overlay("/media/root-rw/overlay") + RAM)
    (reason,) = operator.call(service(), state=state, sent=False)["refusals"]
    assert reason.startswith("/ keeps what is written in RAM, and /var/lib/robot-stack, /etc/systemd/system")
    assert "raspi-config: Overlay File System" in reason
    assert operator.fake
    assert operator.fake.changes == []
