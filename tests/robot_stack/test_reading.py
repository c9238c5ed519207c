"""What is read from cgroups, /proc and the robot's files."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.base import files
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.docker.api import DockerEngine
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.docker.driver import DOCKER
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.host import (
    cgroup,
    disk_space,
    facts,
    procfs,
)
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.host.platforms.debian import DEBIAN
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.judge import readback, verdict
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.plan import observe, preflight
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records import state
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec import parse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from robot_stack.fake_engine import FakeEngine
from robot_stack.robots import MIB, Robot, parameters, write


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
    assert found is not None
    assert (found.current, found.working_set, found.unreclaimable) == (16384, 12288, 12288)
    assert cgroup.usage(cgroup.detect(made.roots.sys), "/gone") is None


def test_v2_tells_faults_kills_and_pressure(tmp_path: Path) -> None:
    made = Robot(tmp_path, 2)
    directory = made.group("/a", MIB)
    write(directory / "memory.current", "9\n")
    write(directory / "memory.stat", "inactive_file 4\nanon 3\nkernel 2\npgmajfault 7\n")
    write(directory / "memory.events", "oom 1\noom_kill 2\n")
    write(directory / "memory.pressure", "some avg10=0.00 avg60=1.50 avg300=0.00 total=5\n")
    found = cgroup.usage(cgroup.detect(made.roots.sys), "/a")
    assert found is not None
    assert found == cgroup.Usage(9, 4, 3, 2, 7, 2, 1.5)
    assert (found.working_set, found.unreclaimable) == (5, 5)


def test_v2_counts_the_kills_of_a_slice_and_v1_does_not(tmp_path: Path) -> None:
    for version, told in ((1, None), (2, 2)):
        made = Robot(tmp_path / str(version), version)
        write(made.group("/a", MIB) / "memory.events", "oom 1\noom_kill 2\n")
        tree = cgroup.detect(made.roots.sys)
        assert cgroup.kills(tree, "/a") == told
        assert cgroup.kills(tree, "/gone") is None


def test_v1_tells_faults_and_kills_of_the_whole_group(tmp_path: Path) -> None:
    made = Robot(tmp_path, 1)
    directory = made.group("/a", 32 * MIB, 16 * MIB, kernel=2)
    write(directory / "memory.usage_in_bytes", "9\n")
    write(directory / "memory.stat", "rss 1\ntotal_rss 3\ntotal_inactive_file 4\ntotal_pgmajfault 7\n")
    write(directory / "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n")
    tree = cgroup.detect(made.roots.sys)
    assert cgroup.limits(tree, "/a") == cgroup.Limits(32 * MIB, 16 * MIB)
    assert cgroup.usage(tree, "/a") == cgroup.Usage(9, 4, 3, 2, 7, 1)


def test_an_older_v2_kernel_gives_only_the_parts_of_its_share(tmp_path: Path) -> None:
    made = Robot(tmp_path, 2)
    directory = made.group("/a", MIB)
    write(
        directory / "memory.stat",
        "anon 1\nkernel_stack 2\npagetables 3\npercpu 4\nsock 5\nslab 6\nslab_reclaimable 2\n",
    )
    found = cgroup.usage(cgroup.detect(made.roots.sys), "/a")
    assert found is not None
    assert (found.kernel, found.unreclaimable, found.stalled_percent) == (18, 19, None)


@pytest.mark.parametrize(
    ("version", "text"),
    [
        (1, "total_rss 3000\ntotal_shmem 5000\ntotal_inactive_file 4\n"),
        (2, "anon 3000\nshmem 5000\nkernel 900\nslab_reclaimable 200\nfile 7000\ninactive_file 4\n"),
    ],
)
def test_a_tmpfs_cannot_be_reclaimed_and_slab_memory_can(tmp_path: Path, version: int, text: str) -> None:
    made = Robot(tmp_path, version)
    write(made.group("/a", MIB, kernel=700) / "memory.stat", text)
    found = cgroup.usage(cgroup.detect(made.roots.sys), "/a")
    assert found is not None
    assert (found.anonymous, found.kernel, found.unreclaimable) == (8000, 700, 8700)


def test_a_process_is_as_old_as_the_kernel_says(made: Robot) -> None:
    proc, ticks = made.roots.proc, os.sysconf("SC_CLK_TCK")
    write(proc / "7/stat", f"7 (a) b) S {' '.join(['0'] * 18)} {900 * ticks} 5 6\n")
    assert procfs.age(7, proc) is None, "nobody says how long the kernel runs"
    write(proc / "uptime", "1000.50 3.00\n")
    assert procfs.age(7, proc) == pytest.approx(100.5)
    assert procfs.age(8, proc) is None


def test_processes_are_counted_all_the_way_down(made: Robot) -> None:
    for path, pids in (("/a", "3\n"), ("/a/b", "1\n2\n"), ("/a/b/c", "")):
        write(made.group(path, None) / "cgroup.procs", pids)
    assert cgroup.processes(cgroup.detect(made.roots.sys), "/a") == [1, 2, 3]


def test_ancestors_end_at_the_root() -> None:
    assert list(cgroup.ancestors("/a/b")) == ["/a/b", "/a", "/"]
    assert list(cgroup.ancestors("/")) == ["/"]


def test_the_robot_is_as_large_as_the_limit_above_it(made: Robot) -> None:
    assert facts.here("/var/lib/x", made.roots).memory_ceiling == 512000 * 1024
    made.group("/small", 100 * MIB)
    made.process(1, "init", "/small/init.scope")
    found = facts.observe(made.roots, "aarch64", "6.1", "/var/lib/x")
    assert (found.memory_ceiling, found.architecture, found.swap_total) == (100 * MIB, "arm64", 1024 * 1024)
    assert found.systemd
    assert found.platform == "debian"
    assert found.disk_available > 0


@pytest.mark.parametrize(
    ("kernels", "bits", "architecture"),
    [
        ("aarch64", 63, "arm64"),
        ("aarch64", 31, "arm"),  # 32-bit Raspberry Pi OS, whose kernel has 64 bits on a Pi 4 by default
        ("armv8l", 31, "arm"),
        ("armv7l", 31, "arm"),
        ("armv6l", 31, "armv6l"),
        ("x86_64", 63, "amd64"),
        ("x86_64", 31, "i686"),
    ],
)
def test_an_architecture_is_that_of_the_programs_and_not_of_the_kernel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kernels: str, bits: int, architecture: str
) -> None:
    monkeypatch.setattr(facts, "platform", SimpleNamespace(machine=lambda: kernels, release=lambda: "6.12"))
    monkeypatch.setattr(facts, "sys", SimpleNamespace(maxsize=2**bits - 1))
    assert facts.here("/var/lib/x", Robot(tmp_path, 2).roots).architecture == architecture


def test_a_small_ceiling_above_the_robot_is_refused_and_named(made: Robot) -> None:
    stack = parse.parse(parameters())
    made.group("/small", 449 * MIB)
    made.process(1, "init", "/small/init.scope")
    seen = observe.observe(stack, made.roots, DockerEngine("/nowhere"))
    (reason,) = [text for text in preflight.reasons(stack, seen) if "memory_budget" in text]
    assert (
        "is 450 MiB, more than this robot's 449.0 MiB (a cgroup above everything on it; its kernel has 500.0)" in reason
    )
    made.group("/small", 450 * MIB)
    seen = observe.observe(stack, made.roots, DockerEngine("/nowhere"))
    assert not [text for text in preflight.reasons(stack, seen) if "memory_budget" in text]


@pytest.mark.parametrize(("status", "missing"), [("unpacked", ["docker.io"]), ("installed", [])])
def test_an_engine_of_ours_that_a_power_cut_left_half_installed_is_seen(
    made: Robot, status: str, missing: list[str]
) -> None:
    """Its files are there; it does not run, and cannot be started."""
    write(made.root / "usr/sbin/dockerd", "")
    write(made.root / "var/lib/dpkg/status", f"Package: docker.io\nStatus: install ok {status}\n")
    state.save(state.State(engine_packages=["docker.io"]), made.root / "var/lib/robot-stack")
    seen = observe.observe(parse.parse(parameters()), made.roots, DockerEngine("/nowhere"))
    assert seen.engine.installed
    assert seen.engine.missing_packages == missing


def test_an_engine_that_runs_and_was_not_set_up_to_its_end_is_seen(made: Robot) -> None:
    write(made.root / "var/lib/dpkg/status", "Package: docker.io\nStatus: install ok unpacked\n")
    state.save(state.State(engine_packages=["docker.io"]), made.root / "var/lib/robot-stack")

    def missing() -> list[str]:
        with FakeEngine(made) as fake:
            seen = observe.observe(parse.parse(parameters()), made.roots, DockerEngine(fake.socket))
        assert seen.engine.running
        return list(seen.engine.missing_packages)

    assert missing() == [], "dpkg's status is not read at each run"
    write(made.root / "var/lib/dpkg/updates/tmp.i", "")
    assert not DEBIAN.interrupted(made.roots)
    write(made.root / "var/lib/dpkg/updates/0003", "")
    assert missing() == ["docker.io"]


def test_swap_that_the_kernel_cannot_limit_is_seen(made: Robot) -> None:
    def accounted() -> bool:
        return bool(facts.here("/var/lib/x", made.roots).swap_accounted)

    group = made.group("/system.slice", None)
    assert accounted()
    top = made.root / "sys/fs/cgroup"
    (top / "memory/memory.memsw.limit_in_bytes" if made.version == 1 else group / "memory.swap.max").unlink()
    assert not accounted()


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("#name hierarchy num enabled\nmemory\t0\t1\t0\n", cgroup.SWITCHED_OFF),
        ("memory\t0\t1\t1\n", cgroup.NOT_MOUNTED),
        ("pids\t4\t1\t1\n", cgroup.NOT_BUILT),
        (None, cgroup.SWITCHED_OFF),
    ],
)
def test_on_v1_the_kernel_tells_why_there_is_no_controller(tmp_path: Path, table: str | None, told: str) -> None:
    made = Robot(tmp_path, 1)
    assert facts.here("/x", made.roots).controller == cgroup.ENFORCING
    shutil.rmtree(tmp_path / "sys/fs/cgroup/memory")
    if table is not None:
        write(tmp_path / "proc/cgroups", table)
    found = facts.here("/x", made.roots)
    assert (found.hierarchy.version, found.controller) == (0, told)


def test_on_v2_the_list_of_controllers_alone_decides(tmp_path: Path) -> None:
    made = Robot(tmp_path, 2)
    write(tmp_path / "proc/cgroups", "memory\t0\t1\t1\n")  # newer kernels leave v2's controllers out, or say 1
    assert facts.here("/x", made.roots).controller == cgroup.ENFORCING
    write(tmp_path / "sys/fs/cgroup/cgroup.controllers", "cpu pids\n")
    found = facts.here("/x", made.roots)
    assert (found.hierarchy.version, found.controller) == (0, cgroup.SWITCHED_OFF)


def test_the_boot_is_dated_by_process_one(tmp_path: Path) -> None:
    assert procfs.booted_at(tmp_path) == 0.0
    write(tmp_path / "stat", "cpu 1\nbtime 1000\n")
    ticks = 5 * os.sysconf("SC_CLK_TCK")
    write(tmp_path / "1/stat", f"1 (a) b) S {' '.join('0' for _ in range(18))} {ticks} 0\n")
    assert procfs.booted_at(tmp_path) == 1005.0
    assert procfs.booted_at(Path("/proc")) > 1e9


def test_who_listens_is_found_in_a_running_system() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        inode = procfs.listener(f"127.0.0.1:{server.getsockname()[1]}", Path("/proc"))
        found = procfs.holder(inode, Path("/proc"))
    assert found is not None
    assert found.pid == os.getpid()
    assert procfs.holder("0", Path("/proc")) is None


def test_a_connection_is_no_listener(tmp_path: Path) -> None:
    """A browser on the robot itself that has VMUI open."""
    write(tmp_path / "net/tcp", "head\n 0: 0100007F:0050 0:0 01 0:0 0:0 0 0 0 4711 1\n")
    assert not procfs.listener("127.0.0.1:80", tmp_path)
    write(tmp_path / "net/tcp", "head\n 0: 0100007F:0050 0:0 0A 0:0 0:0 0 0 0 4711 1\n")
    assert procfs.listener("127.0.0.1:80", tmp_path) == procfs.listener("0.0.0.0:80", tmp_path) == "4711"


def test_a_socket_for_both_protocols_is_found_under_the_address_of_either() -> None:
    with socket.socket(socket.AF_INET6) as server:
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        server.bind(("::ffff:127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        assert procfs.listener(f"127.0.0.1:{port}", Path("/proc"))
        assert not procfs.listener(f"127.0.0.2:{port}", Path("/proc"))


def test_space_is_counted_on_the_disk_and_not_in_the_name(tmp_path: Path) -> None:
    write(tmp_path / "a/b", "x" * 100_000)
    assert 100_000 <= disk_space.used(tmp_path) <= 200_000
    assert disk_space.used(tmp_path / "none") == 0
    assert disk_space.of(tmp_path / "not/there/yet").device == tmp_path.stat().st_dev


def test_only_installed_packages_count(tmp_path: Path) -> None:
    made = Robot(tmp_path, 2)
    write(
        tmp_path / "var/lib/dpkg/status",
        "Package: a\nStatus: install ok installed\n\nPackage: b\nStatus: deinstall ok config-files\n",
    )
    assert DEBIAN.missing(["c", "b", "a"], made.roots) == ["b", "c"]


def test_a_package_on_hold_is_installed_all_the_same(tmp_path: Path) -> None:
    made = Robot(tmp_path, 2)
    write(tmp_path / "var/lib/dpkg/status", "Package: docker.io\nStatus: hold ok installed\n")
    assert DEBIAN.missing(["docker.io"], made.roots) == []


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
    # the kernel cuts names at 15 bytes, also within a letter
    made.process(30, "x", "/")
    (made.roots.proc / "30/comm").write_bytes("мониторинг".encode()[:15] + b"\n")
    assert procfs.pids_of(DOCKER.programs, made.roots.proc) == [20, 21, 22]


@pytest.mark.parametrize(
    ("path", "held"),
    [("/robotstack.slice/robotstack-engine.slice/docker.service", 5 * MIB), ("/system.slice/docker.service", 7 * 1024)],
)
def test_an_engine_that_runs_elsewhere_is_read_from_its_processes(made: Robot, path: str, held: int) -> None:
    """Page cache that an engine of before has left in the slice is none of what this one holds."""
    made.group("robotstack.slice", 300 * MIB)
    made.group("robotstack.slice/robotstack-engine.slice", None, anonymous=5 * MIB)
    made.process(20, "dockerd", path, pss=9, anonymous=7)
    hierarchy = cgroup.detect(made.roots.sys)
    reading = readback.engine(parse.parse(parameters()), DOCKER.programs, made.roots, hierarchy, 0)
    assert verdict.engine_unreclaimable(reading) == held


@pytest.mark.parametrize(
    ("address", "table", "taken"),
    [
        ("127.0.0.1:80", "00000000000000000000000000000000:0050", True),
        ("192.168.1.5:80", "0501A8C0:0050", True),
        ("192.168.1.6:80", "0501A8C0:0050", False),
        ("[::]:80", "0501A8C0:0050", True),
        ("127.0.0.1:81", "00000000:0050", False),
        ("127.0.0.1:80", "0000000000000000FFFF00000100007F:0050", True),
        ("127.0.0.2:80", "0000000000000000FFFF00000100007F:0050", False),
        ("[::ffff:127.0.0.1]:80", "0100007F:0050", True),
        ("[::1]:80", "00000000000000000000000001000000:0050", True),
        ("[::2]:80", "00000000000000000000000001000000:0050", False),
        (":80", "0501A8C0:0050", True),
        ("localhost:80", "0501A8C0:0050", False),
    ],
)
def test_a_listener_collides_where_addresses_overlap(tmp_path: Path, address: str, table: str, taken: bool) -> None:
    write(tmp_path / "net/tcp6", f"head\n 0: {table} 0:0 0A 00000000:00000000 00:00000000 00000000 0 0 4711 1\n")
    assert bool(procfs.listener(address, tmp_path)) is taken


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
    assert found is not None
    assert found.content is None
    assert files.difference(mine("/a", "x"), found)["before"] == ""


def test_a_sensitive_file_is_never_shown() -> None:
    secret = files.DesiredFile("/x", "hunter2", 0o400, sensitive=True)
    shown = files.difference(secret, files.FoundFile("hunter1", 0o400, 0, 0))
    assert "hunter" not in str(shown)
    assert shown["before"] != shown["after"]


def test_a_diff_names_mode_and_owner() -> None:
    shown = files.difference(files.DesiredFile("/a", "new\n", 0o600), files.FoundFile("old\n", 0o644, 1, 2))
    assert (shown["before_header"], shown["before"]) == ("/a (mode 0644, owner 1:2)", "old\n")
    assert (shown["after_header"], shown["after"]) == ("/a (mode 0600, owner 0:0)", "new\n")


def test_what_is_remembered_is_read_as_it_was_written(tmp_path: Path) -> None:
    kept = state.State(["docker.io"], "x", ["i:1"], {"s": state.ServiceRecord("c", 1.0, 2, 3, 4)})
    state.save(kept, tmp_path)
    assert state.load(tmp_path) == kept


def test_what_another_version_remembered_is_left_out(tmp_path: Path) -> None:
    services = '{"a": {"container": "c", "peak_bytes": 5, "of_another_version": 1}}'
    rest = '"engine_packages": ["p"], "engine_configuration": "", "images": []'
    write(tmp_path / state.FILE, f'{{{rest}, "services": {services}}}')
    assert state.load(tmp_path) == state.State(["p"], services={"a": state.ServiceRecord("c", peak_bytes=5)})


@pytest.mark.parametrize(
    "damage", ["", "{", "[]", "{}", '{"services": []}', '{"services": {"a": 1}}', '{"services": null}']
)
def test_any_damage_makes_an_empty_state(tmp_path: Path, damage: str) -> None:
    write(tmp_path / state.FILE, damage)
    assert state.load(tmp_path) == state.State()


def test_a_service_is_remembered_and_forgotten() -> None:
    one = state.ServiceRecord(container="c", peak_bytes=1)
    kept = state.State().with_service("a", one).with_service("b", one).without_service("a")
    assert kept.services == {"b": one}
