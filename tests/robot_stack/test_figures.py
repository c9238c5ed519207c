"""A container that reads sensors gets figures, and no files: what it may see, and who tells it of file systems."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.watchdog import (
    backups,
    filesystems,
    metrics,
    shares,
)
from hypothesis import given
from hypothesis import strategies as st
from robot_stack.fake_engine import FakeEngine
from robot_stack.operating import NAME, Operator
from robot_stack.robots import Robot, service, write
from robot_stack.test_watchdog import deployed, looked
from sensor_service.collectors import textfile
from sensor_service.pages import parse

BEFORE = [{"source": path, "target": f"/host{path}"} for path in ("/", "/proc", "/sys")]
FIGURES = [
    {"source": path, "target": f"/host{path}", "optional": True} for path in ("/proc/meminfo", "/proc/1/net/wireless")
]


def sources(fake: FakeEngine) -> list[str]:
    return [mount["Source"] for mount in fake.containers[NAME]["HostConfig"]["Mounts"]]


@pytest.mark.usefixtures("any_owner")
def test_a_container_that_saw_files_is_made_anew_in_one_step_that_says_so(operator: Operator, fake: FakeEngine) -> None:
    """As version 0.1 has deployed it; what else runs is left alone."""
    other = service("other")
    operator.call(service(mounts=BEFORE), other)
    assert sources(fake) == ["/", "/proc", "/sys"]
    before = fake.containers["robot-stack-other"]["Id"]
    told = operator.call(service(mounts=FIGURES), other)
    step = f"recreate container {NAME}: it sees /, /proc, /sys of the robot no more"
    assert [one for one in told["plan"] if "container" in one] == [step]
    assert sources(fake) == ["/proc/meminfo"], "and nothing that this robot does not have"
    assert fake.containers["robot-stack-other"]["Id"] == before
    assert not operator.call(service(mounts=FIGURES), other)["changed"]


@pytest.mark.usefixtures("any_owner")
@pytest.mark.parametrize(
    ("before", "after", "lost"),
    [
        (["/sys/class/hwmon", "/sys/bus/iio"], ["/sys/class", "/sys/bus"], ""),
        (["/sys/class", "/sys/bus/iio"], ["/sys/class/hwmon", "/sys/bus"], "/sys/class"),
        (["/sys/classes", "/sys/class"], ["/sys/class"], "/sys/classes"),
        (["/srv"], ["/"], ""),
    ],
)
def test_what_is_still_in_sight_is_not_said_to_be_lost(
    operator: Operator, robot: Robot, before: list[str], after: list[str], lost: str
) -> None:
    for path in (*before, *after):
        (robot.root / path[1:]).mkdir(parents=True, exist_ok=True)
    operator.call(service(mounts=[{"source": path, "target": f"/host{path}"} for path in before]))
    told = operator.call(service(mounts=[{"source": path, "target": f"/host{path}"} for path in after]))
    (step,) = [one for one in told["plan"] if "container" in one]
    assert (f"it sees {lost} of the robot no more" in step) is bool(lost)
    assert ("no more" in step) is bool(lost)


@pytest.mark.usefixtures("any_owner")
def test_what_a_robot_gets_later_is_shown_later(operator: Operator, robot: Robot, fake: FakeEngine) -> None:
    operator.call(service(mounts=FIGURES))
    write(robot.root / "proc/1/net/wireless", "")
    operator.call(service(mounts=FIGURES))
    assert sources(fake) == ["/proc/meminfo", "/proc/1/net/wireless"]


@pytest.mark.usefixtures("any_owner")
def test_a_mount_that_is_not_optional_is_not_left_out(operator: Operator, robot: Robot, fake: FakeEngine) -> None:
    shown = service(mounts=[{"source": "/srv/metrics", "target": "/host/textfiles"}])
    for state in ("planned", "present"):
        (reason,) = operator.call(shown, state=state)["refusals"]
        assert reason.startswith("/srv/metrics is not there, and sensor_service shows it to its container: make it")
        assert fake.containers == {}
    (robot.root / "srv/metrics").mkdir(parents=True)
    operator.call(shown)
    assert sources(fake) == ["/srv/metrics"]


def table(robot: Robot, *lines: str) -> None:
    write(robot.root / "proc/1/mounts", "".join(f"{line}\n" for line in lines))


def series(page: str) -> dict[str, float]:
    """What the sensor service takes of a page; a line that is no series fails the test."""
    faults: list[str] = []
    read = parse(page, 2000, lambda line, reason: faults.append(f"{line}: {reason}"))
    assert faults == []
    return {name: float(value) for samples in read.samples.values() for name, value in samples.items()}


@pytest.mark.usefixtures("any_owner")
def test_the_watchdog_tells_of_file_systems(robot: Robot, fake: FakeEngine) -> None:
    table(robot, "/dev/mmcblk0p2 / ext4 rw,relatime 0 0", "/dev/sda1 /data vfat ro 0 0")
    (robot.root / "data").mkdir()
    settings = deployed(robot, fake, filesystems=["/", "/data", "/gone"])
    assert looked(robot, fake, settings) == []
    found = series((robot.root / "run/robot-stack" / filesystems.FILE).read_text())
    root = '{device="/dev/mmcblk0p2",fstype="ext4",mountpoint="/"}'
    data = '{device="/dev/sda1",fstype="vfat",mountpoint="/data"}'
    gone = '{device="/dev/mmcblk0p2",fstype="ext4",mountpoint="/gone"}'
    real = os.statvfs(robot.root)
    assert found[f"node_filesystem_size_bytes{root}"] == real.f_blocks * real.f_frsize
    assert (found[f"node_filesystem_readonly{root}"], found[f"node_filesystem_readonly{data}"]) == (0, 1)
    assert found[f"node_filesystem_device_error{gone}"] == 1
    assert f"node_filesystem_size_bytes{gone}" not in found


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs", "9p", "ceph"])
def test_a_server_that_is_gone_does_not_hold_the_watchdog(
    robot: Robot, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(path: Path) -> Any:
        raise AssertionError(f"{path} is asked, which may take for ever")

    table(robot, f"server:/share /mnt {kind} rw 0 0")
    monkeypatch.setattr(os, "statvfs", asked)
    found = series(filesystems.text(["/mnt/share"], robot.roots))
    assert list(found.values()) == [1]


@pytest.mark.parametrize("content", [None, "", "rubbish\n", "/dev/sda1 / ext4\n"])
def test_mounts_that_cannot_be_seen_make_nothing_writable(robot: Robot, content: str | None) -> None:
    """Neither is said to be writable, nor asked: it may be on a server that is gone."""
    mounts = robot.root / "proc/1/mounts"
    mounts.unlink(missing_ok=True)
    if content is None:
        mounts.mkdir(parents=True)
    else:
        write(mounts, content)
    assert series(filesystems.text(["/"], robot.roots)) == {'node_filesystem_device_error{mountpoint="/"}': 1}


@given(point=st.text(max_size=20), device=st.text(max_size=20), kind=st.text(max_size=9), path=st.text(max_size=20))
def test_whatever_is_mounted_makes_series_and_no_others(
    tmp_path_factory: pytest.TempPathFactory, point: str, device: str, kind: str, path: str
) -> None:
    if "\0" in path:
        return
    robot = Robot(tmp_path_factory.mktemp("robot"), 2)
    escaped = "".join(f"\\{ord(char):03o}" if char in " \t\n\\" else char for char in point)
    lines = f"{device} {escaped} {kind} rw 0 0\n/dev/x / ext4 rw 0 0\n"
    (robot.root / "proc/1/mounts").write_text(lines, encoding="utf-8", errors="replace")
    page = filesystems.text([f"/{path}"], robot.roots)
    told = [line for line in page.split("\n") if line and not line.startswith("#")]
    assert len(told) in (1, 5, 6)
    found = series(page)
    assert len(found) == len(told)
    assert all(name.startswith("node_filesystem_") for name in found)


def test_the_sensor_service_knows_every_file_of_the_watchdogs() -> None:
    """They come before anybody else's in the same folder, and need no room of theirs."""
    assert sorted(textfile.OWN) == sorted(Path(each.FILE).name for each in (metrics, filesystems, backups, shares))
    assert textfile.OWN[0] == Path(metrics.FILE).name
