"""Fuzzers over the kernel's files: cut short, with odd numbers, with bytes that are no text.

Each reader returns what it says, or raises OSError, which a run tells as one sentence; a limit that cannot be read is
never taken for "no limit".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.host import (
    cgroup,
    facts,
    kernel_file,
    procfs,
)
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.watchdog import filesystems
from hypothesis import given, settings
from hypothesis import strategies as st
from robot_stack.robots import MIB, Robot, write

NUMBERS = [
    "-1",
    "0x10",
    "1e9",
    "\u00b2",
    "\u0663",
    "9" * 19,
    "9" * 5000,
    "1 2",
    "1_000",
    "+5",
    "nan",
    "max",
    "18446744073709551615",
]
RUBBISH = st.binary(max_size=60) | st.sampled_from([number.encode() for number in NUMBERS])
SOCKETS = (
    "  sl  local_address\n   0: 0100007F:20EC 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 4711 1\n"
)


def laid(root: Path, version: int) -> Robot:
    """A robot with a file of each kind that is read of the kernel."""
    robot = Robot(root, version)
    directory = robot.group("/a", 32 * MIB, 0, 8192, 4096)
    write(directory / "memory.pressure", "some avg10=0.00 avg60=1.50 avg300=0.00 total=5\n")
    write(directory / "cgroup.procs", "7\n")
    robot.process(7, "dockerd", "/a", pss=5, anonymous=4)
    write(root / "proc/net/tcp", SOCKETS)
    write(root / "proc/net/tcp6", SOCKETS.replace("0100007F", "0" * 32))
    write(root / "proc/stat", "cpu 1\nbtime 1700000000\n")
    write(root / "proc/1/stat", "1 (systemd) S " + " ".join(map(str, range(30))) + "\n")
    write(root / "proc/1/mounts", "/dev/sda / ext4 rw 0 0\n")
    write(root / "proc/cgroups", "#subsys_name\nmemory 0 1 1\n")
    (root / "proc/7/fd").mkdir(exist_ok=True)
    (root / "proc/7/fd/3").symlink_to("socket:[4711]")
    return robot


def readers(robot: Robot) -> Iterator[Callable[[], Any]]:
    """All that is read of the kernel."""
    proc, tree = robot.roots.proc, cgroup.detect(robot.roots.sys)
    yield lambda: cgroup.detect(robot.roots.sys)
    yield lambda: cgroup.controller(cgroup.Hierarchy(0, tree.root), robot.root / "none", proc)
    yield lambda: cgroup.swap_accounted(tree)
    yield lambda: [cgroup.path_of(pid, proc, tree) for pid in (1, 7)]
    yield lambda: cgroup.limits(tree, "/a")
    yield lambda: cgroup.smallest_limit(tree, "/a")
    yield lambda: finite(cgroup.usage(tree, "/a"))
    yield lambda: all(pid > 0 for pid in cgroup.processes(tree, "/a")) or pytest.fail("no process has such a number")
    yield lambda: procfs.memory(proc)["MemTotal"] > 0 or pytest.fail("no machine has no RAM")
    yield lambda: procfs.share([1, 7], proc)
    yield lambda: procfs.pids_of(("dockerd",), proc)
    yield lambda: procfs.booted_at(proc) >= 0 or pytest.fail("before 1970")
    yield lambda: procfs.listener("127.0.0.1:8428", proc)
    yield lambda: procfs.holder("4711", proc)
    yield lambda: procfs.boot_line(proc)
    yield lambda: facts.observe(robot.roots, "x86_64", "6.1", "/var/lib")
    yield lambda: filesystems.text(["/"], robot.roots).encode()


def finite(usage: cgroup.Usage | None) -> None:
    if usage is not None:
        assert min(usage.current, usage.working_set, usage.unreclaimable, usage.major_faults, usage.oom_kills) >= 0
        assert usage.stalled_percent is None or math.isfinite(usage.stalled_percent)


def read_all(robot: Robot) -> int:
    """Read all of it; return how many readers refused."""
    told = []
    for read in readers(robot):
        try:
            read()
        except OSError as error:
            told.append(str(error))
    assert all(0 < len(words) < cgroup.LONGEST_PATH + 1000 for words in told)
    return len(told)


@pytest.fixture(scope="module", params=[1, 2])
def robot(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Robot:
    return laid(tmp_path_factory.mktemp("robot"), request.param)


def kernel_files(robot: Robot) -> list[Path]:
    return sorted(path for top in ("proc", "sys") for path in (robot.root / top).rglob("*") if path.is_file())


def test_what_the_kernel_says_is_read(robot: Robot) -> None:
    assert len(kernel_files(robot)) > 15
    assert read_all(robot) == 0
    assert procfs.listener("127.0.0.1:8428", robot.roots.proc) == "4711"


@given(data=st.data())
@settings(max_examples=80, deadline=None)
def test_a_file_with_rubbish_is_read_or_told(robot: Robot, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(kernel_files(robot)), label="file")
    before = path.read_bytes()
    cut = data.draw(st.integers(0, len(before)), label="cut at")
    rubbish = data.draw(RUBBISH)
    middle = data.draw(st.sampled_from([before[:cut] + rubbish, before[:cut] + rubbish + before[cut + 1 :], rubbish]))
    try:
        path.write_bytes(middle)
        read_all(robot)
    finally:
        path.write_bytes(before)


@pytest.mark.parametrize("path", ["/" + "9" * 256, "/a/" + "é" * 256, "/a" * 2048, "/a/../b"])
def test_a_path_that_no_kernel_writes_is_not_looked_at(robot: Robot, path: str) -> None:
    file = robot.root / "proc/1/cgroup"
    before = file.read_bytes()
    try:
        file.write_text(f"0::{path}\n9:memory:{path}\n", encoding="utf-8")
        assert cgroup.path_of(1, robot.roots.proc, cgroup.detect(robot.roots.sys)) is None
        read_all(robot)
    finally:
        file.write_bytes(before)


LIMITS = {1: "memory/a/memory.limit_in_bytes", 2: "a/memory.max"}


@pytest.mark.parametrize(
    "held", [*(number for number in NUMBERS if number not in ("max", "9" * 19)), "", "\x00", "5.0"]
)
def test_a_limit_that_cannot_be_read_is_not_taken_for_none(robot: Robot, held: str) -> None:
    path = robot.root / "sys/fs/cgroup" / LIMITS[robot.version]
    before = path.read_bytes()
    wanted = None if held == "18446744073709551615" and robot.version == 1 else kernel_file.number(held)
    try:
        path.write_text(held)
        if held == "18446744073709551615":
            limits = cgroup.limits(cgroup.detect(robot.roots.sys), "/a")
            assert limits is not None
            assert limits.memory == wanted
        else:
            with pytest.raises(
                OSError, match=r"memory\.(max|limit_in_bytes) holds '.*' where the kernel writes a number"
            ):
                cgroup.limits(cgroup.detect(robot.roots.sys), "/a")
    finally:
        path.write_bytes(before)


def test_a_cgroup_outside_of_ours_is_not_looked_for(robot: Robot) -> None:
    tree = cgroup.detect(robot.roots.sys)
    for line in ("0::/../../x", "0:memory:/../x", "5:memory:x", "0::", "0:", "", ":::", "\udcff"):
        write(robot.root / "proc/9/cgroup", line.encode("utf-8", "replace").decode())
        assert cgroup.path_of(9, robot.roots.proc, tree) is None


def test_a_file_without_end_is_not_read_to_it() -> None:
    assert len(kernel_file.text(Path("/dev/zero"))) == kernel_file.LARGEST_BYTES
