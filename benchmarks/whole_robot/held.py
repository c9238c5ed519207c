"""Tells what a robot's memory holds, as often as it is asked: of the whole robot, of a slice, and of what runs in it.

Runs on the robot, as root, with its own Python and the product's modules that read the kernel (archive.py packs both):

    python3 held.pyz --slice robotstack.slice

It answers each line that it reads with one line of JSON. ``look`` tells what is now, with the extremes since the last
``forget``, which a look once a second has found. It stays for as long as the robot is measured, so that no log-in and
no start of a program falls into what is measured. Sizes are in bytes.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.host import cgroup, kernel_file, procfs

TICK_SECONDS = 1.0
RESTING = ("idle", "iowait")
# https://docs.kernel.org/filesystems/proc.html, "cpu" of /proc/stat; guests' time is in user's already
TIMES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")


@dataclass(frozen=True)
class Roots:
    """Where the kernel tells it, of which slice, and of which cgroups outside of it that are there because of it."""

    proc: Path
    sys: Path
    slice: str
    beside: tuple[str, ...] = ()


@dataclass
class Extremes:
    """The highest that the slice has been, and the least that the robot had available, since it was last forgotten."""

    current: int = 0
    working_set: int = 0
    unreclaimable: int = 0
    available: int | None = None
    looks: int = 0

    def note(self, usage: cgroup.Usage | None, available: int) -> None:
        """Take one moment in; without a slice there is nothing that it could be the highest of."""
        self.looks += 1
        self.available = available if self.available is None else min(self.available, available)
        if usage:
            self.current = max(self.current, usage.current)
            self.working_set = max(self.working_set, usage.working_set)
            self.unreclaimable = max(self.unreclaimable, usage.unreclaimable)


@dataclass
class Group:
    """A cgroup with processes of its own: what it holds, and the processes by their names."""

    cgroup: str
    working_set: int
    unreclaimable: int
    programs: dict[str, dict[str, int]] = field(default_factory=dict)

    def add(self, name: str, pss: int) -> None:
        """Count one process."""
        known = self.programs.setdefault(name, {"count": 0, "pss": 0})
        known["count"] += 1
        known["pss"] += pss


def busy_seconds(proc: Path) -> float:
    """Return the CPU time that all processors have worked since the start. Raises OSError."""
    words = kernel_file.lines(proc / "stat")[0].split()[1:]
    ticks = dict(zip(TIMES, (int(word) for word in words)))
    return sum(value for name, value in ticks.items() if name not in RESTING) / os.sysconf("SC_CLK_TCK")


def received_bytes(sys_root: Path) -> int:
    """Return what has reached the robot's network interfaces: those that are devices, no bridge and no loopback."""
    return sum(
        kernel_file.number_in(folder / "statistics" / "rx_bytes")
        for folder in (sys_root / "class" / "net").glob("*")
        if (folder / "device").exists()
    )


def processes(roots: Roots, hierarchy: cgroup.Hierarchy) -> list[int]:
    """Return the processes in the slice, and in what is there because of it."""
    return [pid for path in (roots.slice, *roots.beside) for pid in cgroup.processes(hierarchy, f"/{path}")]


def groups(roots: Roots, hierarchy: cgroup.Hierarchy) -> list[Group]:
    """Return the cgroups that have processes, by their paths."""
    found: dict[str, Group] = {}
    for pid in processes(roots, hierarchy):
        share = procfs.share([pid], roots.proc)
        path = cgroup.path_of(pid, roots.proc, hierarchy)
        usage = cgroup.usage(hierarchy, path) if path else None
        try:
            name = kernel_file.text(roots.proc / str(pid) / "comm").strip()
        except OSError:
            continue  # it has ended
        if share and path and usage:
            group = found.setdefault(path, Group(path, usage.working_set, usage.unreclaimable))
            group.add(name, share.pss)
    return [found[path] for path in sorted(found)]


def whole(roots: Roots, hierarchy: cgroup.Hierarchy) -> dict[str, Any] | None:
    """Return what the slice holds, with what is there because of it; None where there is no slice.

    ``limit``, ``current`` and ``peak`` (the kernel's, page cache included) are the slice's alone.
    """
    path = f"/{roots.slice}"
    usage, limits = cgroup.usage(hierarchy, path), cgroup.limits(hierarchy, path)
    if usage is None:
        return None
    beside = [held for held in (cgroup.usage(hierarchy, f"/{unit}") for unit in roots.beside) if held]
    share = procfs.share(processes(roots, hierarchy), roots.proc)
    peak = hierarchy.directory(path) / "memory.peak"  # since Linux 5.19
    return {
        "limit": limits.memory if limits else None,
        "current": usage.current,
        "peak": kernel_file.number_in(peak) if peak.is_file() else None,
        "working_set": sum(held.working_set for held in (usage, *beside)),
        "unreclaimable": sum(held.unreclaimable for held in (usage, *beside)),
        "pss": share.pss if share else 0,
        "oom_kills": usage.oom_kills,
    }


def look(roots: Roots, extremes: Extremes) -> dict[str, Any]:
    """Return what is now. ``used`` is what `free` of Debian 13 calls so: all that is not available."""
    hierarchy, memory = cgroup.detect(roots.sys), procfs.memory(roots.proc)
    available = memory["MemAvailable"]
    return {
        "total": memory["MemTotal"],
        "available": available,
        "used": memory["MemTotal"] - available,
        "busy_seconds": round(busy_seconds(roots.proc), 2),
        "received": received_bytes(roots.sys),
        "at": time.monotonic(),
        "whole": whole(roots, hierarchy),
        "groups": [asdict(group) for group in groups(roots, hierarchy)],
        "extremes": asdict(extremes),
    }


def serve(roots: Roots) -> None:
    """Answer until the input ends; between two questions look once a second."""
    extremes = Extremes()
    while True:
        asked, _, _ = select.select([sys.stdin], [], [], TICK_SECONDS)
        hierarchy = cgroup.detect(roots.sys)
        usage = cgroup.usage(hierarchy, f"/{roots.slice}")
        extremes.note(usage, procfs.memory(roots.proc)["MemAvailable"])
        if not asked:
            continue
        words = sys.stdin.readline()
        if not words:
            return
        if words.strip() == "forget":
            extremes = Extremes()
        sys.stdout.write(json.dumps(look(roots, extremes)) + "\n")
        sys.stdout.flush()


def main() -> int:
    """Run as a program."""
    parser = argparse.ArgumentParser(description="Tells what a robot's memory holds, once for each line it reads.")
    parser.add_argument("--slice", required=True)
    parser.add_argument("--beside", action="append", default=[])
    parser.add_argument("--proc", type=Path, default=Path("/proc"))
    parser.add_argument("--sys", type=Path, default=Path("/sys"))
    options = parser.parse_args()
    serve(Roots(options.proc, options.sys, options.slice, tuple(options.beside)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
