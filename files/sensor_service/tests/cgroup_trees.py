"""Fixture trees of the stack's memory cgroups, as systemd and Docker make them."""

from __future__ import annotations

from pathlib import Path

from files.sensor_service.tests.trees import PRESSURE, write


def cgroup_v2(root: Path) -> Path:
    """Adds the stack's cgroups in the unified hierarchy: two services, one of them without a limit, and the engine."""
    top = "sys/fs/cgroup"
    write(root, {f"{top}/cgroup.controllers": "cpuset cpu io memory pids"})
    stack = f"{top}/robotstack.slice"
    _v2_group(root, stack, usage=200, inactive=40, limit=314572800, kills=3)
    _v2_group(root, f"{stack}/robotstack-engine.slice", usage=90, inactive=10, limit="max", kills=0)
    _v2_group(root, f"{stack}/robotstack-engine.slice/docker.service", usage=80, inactive=9, limit="max", kills=0)
    sensor = f"{stack}/robotstack-sensor_service.slice"
    # the slice has seen a container that is gone: its counters are larger
    _v2_group(root, sensor, usage=12, inactive=2, limit="max", kills=2, faults=77)
    _v2_group(root, f"{sensor}/docker-{'a' * 64}.scope", usage=10, inactive=2, limit=33554432, kills=0, faults=5)
    database = f"{stack}/robotstack-victoriametrics.slice"
    _v2_group(root, database, usage=50, inactive=20, limit="max", kills=1)
    _v2_group(root, f"{database}/{'b' * 64}", usage=48, inactive=20, limit="max", kills=1)
    write(root, {f"{top}/system.slice/memory.current": 1, f"{stack}/other.slice/memory.current": 1})
    return root


def _v2_group(root: Path, path: str, usage: int, inactive: int, limit: int | str, kills: int, faults: int = 7) -> None:
    """Writes one cgroup; usage and inactive page cache are in MiB."""
    mib = 1024 * 1024
    write(
        root,
        {
            f"{path}/memory.current": usage * mib,
            f"{path}/memory.peak": usage * mib + 4096,
            f"{path}/memory.max": limit,
            f"{path}/memory.stat": f"anon {mib}\nfile {2 * mib}\nkernel {mib // 2}\ninactive_file {inactive * mib}\n"
            f"pgfault 100\npgmajfault {faults}\n",
            f"{path}/memory.events": f"low 0\nhigh 0\nmax 12\noom {kills}\noom_kill {kills}\n",
            f"{path}/memory.pressure": PRESSURE["memory"],
        },
    )


def cgroup_v1(root: Path) -> Path:
    """Adds the stack's cgroups in the memory hierarchy of version 1: one service without a limit, the engine."""
    stack = "sys/fs/cgroup/memory/robotstack.slice"
    _v1_group(root, stack, usage=200, inactive=40, limit=314572800, kills=0)
    _v1_group(root, f"{stack}/robotstack-engine.slice", usage=90, inactive=10, limit=9223372036854771712, kills=0)
    sensor = f"{stack}/robotstack-sensor_service.slice"
    _v1_group(root, sensor, usage=12, inactive=2, limit=9223372036854771712, kills=0)
    _v1_group(root, f"{sensor}/{'a' * 64}", usage=10, inactive=2, limit=33554432, kills=1)
    return root


def _v1_group(root: Path, path: str, usage: int, inactive: int, limit: int, kills: int) -> None:
    mib = 1024 * 1024
    write(
        root,
        {
            f"{path}/memory.usage_in_bytes": usage * mib,
            f"{path}/memory.max_usage_in_bytes": usage * mib + 4096,
            f"{path}/memory.limit_in_bytes": limit,
            f"{path}/memory.kmem.usage_in_bytes": mib // 2,
            f"{path}/memory.stat": f"cache 1\nrss 1\npgmajfault 1\ninactive_file 1\ntotal_rss {mib}\n"
            f"total_pgmajfault 7\ntotal_inactive_file {inactive * mib}\n",
            f"{path}/memory.oom_control": f"oom_kill_disable 0\nunder_oom 0\noom_kill {kills}\n",
        },
    )
