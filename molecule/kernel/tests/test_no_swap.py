"""Swap in compressed RAM, as Raspberry Pi OS has it today: what others put there, no container puts there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from waiting import patience, until

MIB = 1024 * 1024
ZRAM = "/dev/zram0"
HOARD = "kept = b'x' * (16 << 20); import time; time.sleep(3600)"
HOARDER = "/sys/fs/cgroup/system.slice/hoarder.service"


@pytest.fixture
def zram(robot: Any) -> Iterator[None]:
    robot.run("modprobe zram num_devices=1 && echo 64M >/sys/block/zram0/disksize")
    robot.run(f"mkswap {ZRAM} && swapon --priority 100 {ZRAM}")
    yield
    robot.run(f"swapoff {ZRAM}")


@pytest.fixture
def hoarder(robot: Any) -> Iterator[str]:
    """The cgroup of a program of the robot's own that holds memory and does not use it."""
    robot.run(f'systemd-run --quiet --collect --unit hoarder python3 -c "{HOARD}"')
    until(lambda: int(robot.run(f"cat {HOARDER}/memory.current")) > 16 * MIB, "it holds memory", patience(robot))
    yield HOARDER
    robot.run("systemctl stop hoarder")


def swapped_after_reclaim(robot: Any, group: str) -> int:
    """Have the kernel take from a cgroup what it can give; return how much of it is in swap now, in bytes."""
    robot.host.run(f"echo 16M >{group}/memory.reclaim")  # it fails where there was less
    return int(robot.run(f"cat {group}/memory.swap.current"))


def test_no_container_swaps_where_others_do(robot: Any, zram: None, hoarder: str) -> None:
    until(lambda: swapped_after_reclaim(robot, hoarder) > MIB, "what nobody uses is swapped out", patience(robot))
    used = robot.run(f"""awk '$1 == "{ZRAM}" {{print $4}}' /proc/swaps""")
    assert int(used) > 0, "into compressed RAM"
    for service in robot.services:
        group = robot.cgroup(robot.pid(service))
        assert swapped_after_reclaim(robot, group) == 0, service
        assert robot.run(f"cat {group}/memory.swap.max").strip() == "0", service
