"""What a robot tells of its memory: read from a /proc and a /sys made for it, by the archive that goes to a robot."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.whole_robot import archive, held, parts
from benchmarks.whole_robot.robot import FailedError, Observer

MIB = 1024 * 1024
SLICE = "robotstack.slice"
ENGINE = f"{SLICE}/robotstack-engine.slice"
CONTAINERD, DATABASE = f"{ENGINE}/containerd.service", f"{SLICE}/robotstack-victoriametrics.slice/docker-1.scope"
# pid: the cgroup, the name, the PSS in kB
PROCESSES = {
    10: (f"{ENGINE}/docker.service", "dockerd", 90_000),
    11: (CONTAINERD, "containerd", 40_000),
    12: (CONTAINERD, "containerd-shim", 10_240),
    13: (CONTAINERD, "containerd-shim", 10_240),
    20: (DATABASE, "victoria-metric", 45_056),
    30: ("system.slice/ssh.service", "sshd", 9_000),
}


def group(root: Path, path: str, anonymous: int, kernel: int, page_cache: int) -> None:
    """Make a cgroup (MiB)."""
    folder = root / "sys/fs/cgroup" / path
    folder.mkdir(parents=True, exist_ok=True)
    current = anonymous + kernel + page_cache
    stat = {"anon": anonymous, "kernel": kernel, "inactive_file": page_cache // 2, "pgmajfault": 0}
    lines = [f"{name} {size * (MIB if name != 'pgmajfault' else 1)}" for name, size in stat.items()]
    (folder / "memory.stat").write_text("\n".join(lines))
    (folder / "memory.current").write_text(f"{current * MIB}\n")
    (folder / "memory.events").write_text("oom_kill 0\n")
    (folder / "memory.max").write_text("max\n")
    (folder / "cgroup.procs").touch()


def process(root: Path, pid: int, path: str, name: str, kib: int) -> None:
    """Start a process in a cgroup."""
    folder = root / "proc" / str(pid)
    folder.mkdir(parents=True)
    (folder / "cgroup").write_text(f"0::/{path}\n")
    (folder / "comm").write_text(f"{name}\n")
    (folder / "smaps_rollup").write_text(f"00-ff ---p 00 00:00 0 [rollup]\nRss: 1 kB\nPss: {kib} kB\n")
    listed = root / "sys/fs/cgroup" / path / "cgroup.procs"
    if listed.exists():
        listed.write_text(f"{listed.read_text()}{pid}\n")


@pytest.fixture
def robot(tmp_path: Path) -> Path:
    """Return the folder with a robot's /proc and /sys."""
    (tmp_path / "sys/fs/cgroup").mkdir(parents=True)
    (tmp_path / "sys/fs/cgroup/cgroup.controllers").write_text("cpu memory pids\n")
    group(tmp_path, SLICE, 150, 20, 60)
    group(tmp_path, ENGINE, 0, 0, 0)
    for path, sizes in {
        f"{ENGINE}/docker.service": (50, 6, 20),
        CONTAINERD: (40, 4, 10),
        DATABASE: (30, 2, 20),
    }.items():
        group(tmp_path, path, *sizes)
    (tmp_path / "sys/fs/cgroup" / SLICE / "memory.max").write_text(f"{300 * MIB}\n")
    (tmp_path / "sys/fs/cgroup" / SLICE / "memory.peak").write_text(f"{290 * MIB}\n")
    for pid, (path, name, kib) in PROCESSES.items():
        process(tmp_path, pid, path, name, kib)
    (tmp_path / "proc/meminfo").write_text("MemTotal: 466000 kB\nMemFree: 100 kB\nMemAvailable: 260000 kB\n")
    (tmp_path / "proc/stat").write_text("cpu  1000 200 300 9000 50 10 20 5 77 0\ncpu0 1 2 3 4 5 6 7 8 9 0\n")
    return tmp_path


def roots(robot: Path) -> held.Roots:
    return held.Roots(robot / "proc", robot / "sys", SLICE)


def test_the_robot_and_its_slice(robot: Path) -> None:
    seen = held.look(roots(robot), held.Extremes())
    assert (seen["used"], seen["available"]) == (206_000 * 1024, 260_000 * 1024)
    assert seen["busy_seconds"] == pytest.approx(15.35), "what was idle, or waited for a disk, is not busy"
    assert seen["whole"] == {
        "limit": 300 * MIB,
        "current": 230 * MIB,
        "peak": 290 * MIB,
        "working_set": 200 * MIB,
        "unreclaimable": 170 * MIB,
        "pss": sum(kib for path, _, kib in PROCESSES.values() if path.startswith(SLICE)) * 1024,
        "oom_kills": 0,
    }


def test_the_parts_are_the_engines_programs_and_the_services(robot: Path) -> None:
    found = parts.parts(held.look(roots(robot), held.Extremes()), SLICE)
    assert [(part["kind"], part["name"], part["processes"]) for part in found] == [
        ("engine", "dockerd", 1),
        ("engine", "containerd", 1),
        ("engine", "containerd-shim", 2),
        ("service", "victoriametrics", 1),
    ]
    dockerd, containerd, shims, database = found
    assert (dockerd["pss_mib"], dockerd["working_set_mib"], dockerd["unreclaimable_mib"]) == (87.9, 66.0, 56.0)
    assert (containerd["working_set_mib"], containerd["unreclaimable_mib"]) == (49.0, 44.0)
    assert (shims["pss_mib"], shims["working_set_mib"]) == (20.0, None), "they are in containerd's cgroup"
    assert (database["pss_mib"], database["unreclaimable_mib"]) == (44.0, 32.0)


def test_what_an_engines_package_starts_beside_the_slice_counts_with_the_engine(robot: Path) -> None:
    unit = "system.slice/netavark-firewalld-reload.service"
    group(robot, unit, 5, 1, 2)
    process(robot, 22, unit, "netavark", 6144)
    without = held.look(roots(robot), held.Extremes())
    seen = held.look(held.Roots(robot / "proc", robot / "sys", SLICE, (unit,)), held.Extremes())
    more = {name: (seen["whole"][name] - without["whole"][name]) / MIB for name in seen["whole"]}
    assert (more["pss"], more["unreclaimable"], more["working_set"]) == (6, 6, 7)
    assert (more["current"], more["limit"]) == (0, 0), "the ceiling is not above it"
    found = {part["name"]: part for part in parts.parts(seen, SLICE)}
    assert (found["netavark"]["kind"], found["netavark"]["pss_mib"]) == ("engine", 6.0)


def test_what_reaches_the_robot_is_counted_at_its_devices(robot: Path) -> None:
    net = robot / "sys/class/net"
    for name, received in {"eth0": 1000, "wlan0": 500, "lo": 70_000, "docker0": 9000}.items():
        (net / name / "statistics").mkdir(parents=True)
        (net / name / "statistics" / "rx_bytes").write_text(f"{received}\n")
    for name in ("eth0", "wlan0"):
        (net / name / "device").mkdir()
    assert held.look(roots(robot), held.Extremes())["received"] == 1500


def test_a_monitor_beside_its_service_is_the_engines(robot: Path) -> None:
    process(robot, 21, DATABASE, "conmon", 860)
    found = {part["name"]: part for part in parts.parts(held.look(roots(robot), held.Extremes()), SLICE)}
    assert (found["conmon"]["kind"], found["conmon"]["pss_mib"], found["conmon"]["working_set_mib"]) == (
        "engine",
        0.8,
        None,
    )
    assert found["victoriametrics"]["unreclaimable_mib"] == 32.0


def test_before_anything_is_deployed_there_is_no_slice(robot: Path) -> None:
    seen = held.look(held.Roots(robot / "proc", robot / "sys", "other.slice"), held.Extremes())
    assert (seen["whole"], seen["groups"]) == (None, [])
    assert parts.moment(seen, "other.slice")["whole"] is None


def test_others_are_told_by_their_units(robot: Path) -> None:
    path = "benchmark.slice/prometheus.service"
    group(robot, "benchmark.slice", 0, 0, 0)
    group(robot, path, 80, 1, 9)
    process(robot, 40, path, "prometheus", 102_400)
    seen = held.look(held.Roots(robot / "proc", robot / "sys", "benchmark.slice"), held.Extremes())
    assert [(p["kind"], p["name"], p["pss_mib"]) for p in parts.parts(seen, "benchmark.slice")] == [
        ("service", "prometheus", 100.0)
    ]


def started(robot: Path, tmp_path: Path) -> subprocess.Popen[bytes]:
    """Start the archive as a robot would: with nothing of this project to be found."""
    program = tmp_path / "held.pyz"
    program.write_bytes(archive.packed())
    argv = [sys.executable, "-I", "-S", str(program), "--slice", SLICE]
    argv += ["--proc", str(robot / "proc"), "--sys", str(robot / "sys")]
    return subprocess.Popen(argv, cwd="/", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_the_archive_answers_by_itself_and_knows_the_extremes(robot: Path, tmp_path: Path) -> None:
    process = started(robot, tmp_path)
    try:
        observer = Observer(process)
        first = observer.look()
        assert first["whole"]["current"] == 230 * MIB
        group(robot, SLICE, 250, 20, 20)
        assert observer.look()["extremes"]["working_set"] == 280 * MIB
        group(robot, SLICE, 100, 20, 20)
        after = observer.look()
        assert parts.extremes(after) == {
            "peak_mib": 290.0,
            "current_mib": 290.0,
            "working_set_mib": 280.0,
            "unreclaimable_mib": 270.0,
            "available_mib": 253.9,
            "oom_kills": 0,
            "looks": after["extremes"]["looks"],
        }
        observer.forget()
        assert observer.look()["extremes"]["working_set"] == 130 * MIB
    finally:
        process.kill()
        process.communicate()


def test_it_ends_with_its_input(robot: Path, tmp_path: Path) -> None:
    out, _ = started(robot, tmp_path).communicate(b"look\n", timeout=30)
    assert [json.loads(line)["total"] for line in out.splitlines()] == [466_000 * 1024]


def test_a_program_that_ended_is_told() -> None:
    process = subprocess.Popen(["true"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.wait()
    with pytest.raises(FailedError, match="has not answered"):
        Observer(process).look()
    process.communicate()


def test_the_least_available_and_no_slice_are_no_zeroes() -> None:
    seen = held.Extremes()
    for available in (300, 200, 250):
        seen.note(None, available)
    told: dict[str, Any] = {"extremes": vars(seen), "whole": None}
    assert (seen.available, seen.looks, parts.extremes(told)["peak_mib"]) == (200, 3, None)


def test_memory_has_settled_when_three_looks_agree() -> None:
    assert not parts.settled([100 * MIB] * 2)
    assert parts.settled([500 * MIB, 100 * MIB, 101 * MIB, 100 * MIB])
    assert not parts.settled([100 * MIB, 100 * MIB, 102 * MIB])


def test_what_the_robot_uses_anyhow_is_no_cost_of_a_run() -> None:
    before, after = {"busy_seconds": 100.0, "at": 10.0}, {"busy_seconds": 108.0, "at": 30.0}
    assert parts.rate(before, after) == pytest.approx(0.4)
    assert parts.cpu_seconds(before, after, at_rest=0.1) == pytest.approx(6.0)


def test_the_look_with_the_most_memory_used_counts() -> None:
    assert parts.highest([{"used": 3, "n": 0}, {"used": 9, "n": 1}, {"used": 4, "n": 2}])["n"] == 1
