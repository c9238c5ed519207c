"""What is read from cgroups, /proc and the robot's files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.robot_stack import cgroup, files, procfs, robot, state
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from robot_stack.robots import MIB, Robot, write


@pytest.fixture(params=[1, 2])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Robot:
    return Robot(tmp_path, request.param)


def test_the_memory_controller_is_found(made: Robot) -> None:
    assert cgroup.detect(made.roots.sys).version == made.version


def test_without_the_memory_controller_there_is_no_version(tmp_path: Path) -> None:
    assert cgroup.detect(tmp_path).version == 0
    write(tmp_path / "fs/cgroup/cgroup.controllers", "cpu pids\n")
    assert cgroup.detect(tmp_path).version == 0


def test_the_cgroup_of_a_process_is_that_of_memory(made: Robot) -> None:
    made.process(7, "x", "/a/b")
    tree = cgroup.detect(made.roots.sys)
    assert cgroup.path_of(7, made.roots.proc, tree) == "/a/b"
    assert cgroup.path_of(8, made.roots.proc, tree) is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(
    limits=st.lists(st.one_of(st.none(), st.integers(4096, 1 << 40)), min_size=1, max_size=4),
    swap=st.one_of(st.none(), st.integers(0, 1 << 30)),
)
def test_limits_are_read_as_written_and_the_smallest_wins(
    made: Robot, limits: Sequence[int | None], swap: int | None
) -> None:
    tree, path = cgroup.detect(made.roots.sys), ""
    for limit in limits:
        path += "/g"
        made.group(path, limit, swap)
        expected_swap = None if made.version == 1 and limit is None else swap
        assert cgroup.limits(tree, path) == cgroup.Limits(limit, expected_swap)
    smallest, where = cgroup.smallest_limit(tree, path)
    there = [limit for limit in limits if limit is not None]
    assert smallest == min(there, default=None)
    # the deepest of equal limits is the one that is named
    expected = max((i + 1 for i, limit in enumerate(limits) if limit == smallest), default=0) if there else 0
    assert where == "/g" * expected


def test_swap_that_is_not_accounted_is_told_apart(made: Robot) -> None:
    directory = made.group("/a", MIB)
    tree = cgroup.detect(made.roots.sys)
    (directory / ("memory.memsw.limit_in_bytes" if made.version == 1 else "memory.swap.max")).unlink()
    assert cgroup.limits(tree, "/a") == cgroup.Limits(MIB, None, swap_accounted=False)
    assert cgroup.limits(tree, "/gone") is None


def test_usage_is_split_into_what_can_be_given_back_and_what_cannot(made: Robot) -> None:
    made.group("/a", MIB, anonymous=8192, kernel=4096)
    found = cgroup.usage(cgroup.detect(made.roots.sys), "/a")
    assert (found.current, found.working_set, found.unreclaimable) == (16384, 12288, 12288)
    assert cgroup.usage(cgroup.detect(made.roots.sys), "/gone") is None


def test_an_older_v2_kernel_gives_only_the_parts_of_its_share(tmp_path: Path) -> None:
    made = Robot(tmp_path, 2)
    directory = made.group("/a", MIB)
    write(
        directory / "memory.stat",
        "anon 1\nkernel_stack 2\npagetables 3\npercpu 4\nsock 5\nslab 6\nslab_reclaimable 9\n",
    )
    found = cgroup.usage(cgroup.detect(made.roots.sys), "/a")
    assert (found.kernel, found.unreclaimable, found.stalled_percent) == (20, 21, None)


def test_processes_are_counted_all_the_way_down(made: Robot) -> None:
    for path, pids in (("/a", "3\n"), ("/a/b", "1\n2\n"), ("/a/b/c", "")):
        write(made.group(path, None) / "cgroup.procs", pids)
    assert cgroup.processes(cgroup.detect(made.roots.sys), "/a") == [1, 2, 3]


def test_ancestors_end_at_the_root() -> None:
    assert list(cgroup.ancestors("/a/b")) == ["/a/b", "/a", "/"]
    assert list(cgroup.ancestors("/")) == ["/"]


def test_the_robot_is_as_large_as_the_limit_above_it(made: Robot) -> None:
    assert robot.here("/var/lib/x", made.roots).memory_ceiling == 512000 * 1024
    made.group("/small", 100 * MIB)
    made.process(1, "init", "/small/init.scope")
    facts = robot.observe(made.roots, "aarch64", "6.1", "/var/lib/x")
    assert (facts.memory_ceiling, facts.architecture, facts.swap_total) == (100 * MIB, "arm64", 1024 * 1024)
    assert facts.systemd
    assert facts.debian
    assert facts.disk_available > 0


def test_only_installed_packages_count(tmp_path: Path) -> None:
    made = Robot(tmp_path, 2)
    write(
        tmp_path / "var/lib/dpkg/status",
        "Package: a\nStatus: install ok installed\n\nPackage: b\nStatus: deinstall ok config-files\n",
    )
    assert robot.missing_packages(["c", "b", "a"], made.roots) == ["b", "c"]


def test_memory_is_read_in_bytes(made: Robot) -> None:
    found = procfs.memory(made.roots.proc)
    assert (found["MemTotal"], found["HugePages_Total"]) == (512000 * 1024, 3)


def test_shares_add_up_and_a_process_that_ended_holds_nothing(made: Robot) -> None:
    made.process(10, "a", "/", pss=100, anonymous=60)
    made.process(11, "b", "/", pss=50, anonymous=20)
    assert procfs.share([10, 11, 12], made.roots.proc) == procfs.Share(150 * 1024, 80 * 1024)
    assert procfs.share([12], made.roots.proc) is None


def test_the_engines_processes_are_known_by_name(made: Robot) -> None:
    for pid, name in enumerate(["dockerd", "containerd-shim", "docker-proxy", "dockerd-helper", "bash"], start=20):
        made.process(pid, name, "/")
    assert procfs.engine_pids(made.roots.proc) == [20, 21, 22]


@pytest.mark.parametrize(
    ("address", "table", "taken"),
    [
        ("127.0.0.1:80", "00000000000000000000000000000000:0050", True),
        ("192.168.1.5:80", "0501A8C0:0050", True),
        ("192.168.1.6:80", "0501A8C0:0050", False),
        ("[::]:80", "0501A8C0:0050", True),
        ("127.0.0.1:81", "00000000:0050", False),
    ],
)
def test_a_listener_collides_where_addresses_overlap(tmp_path: Path, address: str, table: str, taken: bool) -> None:
    write(tmp_path / "net/tcp6", f"head\n 0: {table} 0:0 0A\n")
    assert procfs.listens(address, tmp_path) is taken


def mine(path: str, content: str, mode: int = 0o640, **more: Any) -> Any:
    return files.DesiredFile(path, content, mode, os.getuid(), os.getgid(), **more)


def test_a_file_is_written_as_wanted_and_then_found_equal(tmp_path: Path) -> None:
    wanted = mine("/etc/a/b.conf", "x\n", 0o400)
    assert not files.equal(wanted, files.find(tmp_path / "etc/a/b.conf"))
    files.write(wanted, tmp_path)
    assert files.equal(wanted, files.find(tmp_path / "etc/a/b.conf"))
    (tmp_path / "etc/a/b.conf").chmod(0o644)
    assert not files.equal(wanted, files.find(tmp_path / "etc/a/b.conf"))
    assert [path.name for path in (tmp_path / "etc/a").iterdir()] == ["b.conf"]


def test_a_write_that_fails_leaves_the_old_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "a", "old")

    def full(_: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        files.write(mine("/a", "new"), tmp_path)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a", "old")]


def test_a_link_is_replaced_and_its_target_left_alone(tmp_path: Path) -> None:
    target = write(tmp_path / "target", "theirs")
    (tmp_path / "a").symlink_to(target)
    assert not files.equal(mine("/a", "theirs"), files.find(tmp_path / "a"))
    files.write(mine("/a", "ours"), tmp_path)
    assert (target.read_text(), (tmp_path / "a").read_text()) == ("theirs", "ours")


def test_a_directory_in_a_files_place_is_not_removed(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(IsADirectoryError, match="/a is a directory"):
        files.write(mine("/a", "x"), tmp_path)


def test_what_is_no_text_differs_and_shows_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xff\xfe")
    found = files.find(tmp_path / "a")
    assert found.content is None
    assert files.difference(mine("/a", "x"), found)["before"] == ""


def test_a_diff_names_mode_and_owner() -> None:
    shown = files.difference(files.DesiredFile("/a", "new\n", 0o600), files.FoundFile("old\n", 0o644, 1, 2))
    assert (shown["before_header"], shown["before"]) == ("/a (mode 0644, owner 1:2)", "old\n")
    assert (shown["after_header"], shown["after"]) == ("/a (mode 0600, owner 0:0)", "new\n")


@pytest.mark.parametrize("damage", ["", "[]", "{}", '{"services": []}', '{"services": {"a": 1}}', '{"services": null}'])
def test_any_damage_makes_an_empty_state(tmp_path: Path, damage: str) -> None:
    write(tmp_path / state.FILE, damage)
    assert state.load(tmp_path) == state.State()


def test_a_service_is_remembered_and_forgotten() -> None:
    one = state.ServiceMemory(container="c", peak_bytes=1)
    kept = state.State().with_service("a", one).with_service("b", one).without_service("a")
    assert kept.services == {"b": one}
