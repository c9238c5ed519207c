"""Reads memory limits and usage from the kernel's cgroups, v1 and v2.

A limit is real only here: what an engine or a file says is a wish. Limits are read for a process, along its
whole cgroup path up to the root, because the smallest one wins wherever it stands.

Formats: https://docs.kernel.org/admin-guide/cgroup-v2.html and .../cgroup-v1/memory.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from . import kernel_file

V1_UNLIMITED = 1 << 60  # v1 says "no limit" with the largest page-aligned 63-bit number

PRESSURE = re.compile(r"some [^\n]*\bavg60=([0-9]{1,3}\.[0-9]{1,6})\b")

# what `controller` says of the kernel's memory controller
ENFORCING, SWITCHED_OFF, NOT_MOUNTED, NOT_BUILT = "enforcing", "switched off", "not mounted", "not built in"

LONGEST_PATH, LONGEST_NAME = 4096, 255


@dataclass(frozen=True)
class Limits:
    """The limits of one cgroup in bytes; None: no limit. `swap` is swap alone, as on v2."""

    memory: int | None
    swap: int | None
    swap_accounted: bool = True


@dataclass(frozen=True)
class Usage:
    """What one cgroup uses, in bytes, and its counters since it was made.

    `anonymous` has shared memory and the files of a tmpfs in it, which have nowhere else to go either; `kernel` has no
    slab memory that can be reclaimed, as far as the kernel tells it apart (v2).
    """

    current: int
    inactive_file: int
    anonymous: int
    kernel: int
    major_faults: int
    oom_kills: int
    stalled_percent: float | None = None

    @property
    def working_set(self) -> int:
        """What `docker stats` shows: usage without the page cache that is easiest to reclaim."""
        return max(0, self.current - self.inactive_file)

    @property
    def unreclaimable(self) -> int:
        """What cannot be given back without swap: anonymous and shared memory, and the kernel's share."""
        return self.anonymous + self.kernel


@dataclass(frozen=True)
class Hierarchy:
    """The memory controller's tree: cgroup `version` (1 or 2; 0: the controller is not there) at `root`."""

    version: int
    root: Path

    def directory(self, path: str) -> Path:
        """Return the directory of cgroup ``path`` ("/a/b")."""
        return self.root / path.lstrip("/")


def detect(sys_root: Path) -> Hierarchy:
    """Find the memory controller below ``sys_root`` ("/sys").

    On v2 `cgroup.controllers` tells the truth; /proc/cgroups and the boot line do not.
    """
    top = sys_root / "fs/cgroup"
    if (top / "cgroup.controllers").is_file():
        active = "memory" in kernel_file.text(top / "cgroup.controllers").split()
        return Hierarchy(2 if active else 0, top)
    memory = top / "memory"
    return Hierarchy(1 if (memory / "memory.stat").is_file() else 0, memory)


def controller(hierarchy: Hierarchy, sys_root: Path, proc_root: Path) -> str:
    """Return why there is no memory controller below ``sys_root``, `ENFORCING` where there is one.

    Only on v1 /proc/cgroups can tell a controller that nobody mounted, or that this kernel was built without, from one
    that the boot line switches off: a line of it reads `name hierarchy groups enabled`.
    """
    if hierarchy.version:
        return ENFORCING
    if (sys_root / "fs/cgroup/cgroup.controllers").is_file():
        return SWITCHED_OFF
    try:
        lines = kernel_file.lines(proc_root / "cgroups")
    except OSError:
        return SWITCHED_OFF
    row = next((line.split() for line in lines if line.split()[:1] == ["memory"]), None)
    if row is None:
        return NOT_BUILT
    return SWITCHED_OFF if row[-1] == "0" else NOT_MOUNTED


def swap_accounted(hierarchy: Hierarchy) -> bool:
    """Whether the kernel counts, and can limit, what a cgroup has in swap."""
    if hierarchy.version == 1:
        return (hierarchy.root / "memory.memsw.limit_in_bytes").is_file()
    # v2 has no limit files at the root: any group below it that is limited in memory tells
    limited = [path.parent for path in hierarchy.root.glob("*/memory.max")] if hierarchy.version else []
    return not limited or any((group / "memory.swap.max").is_file() for group in limited)


def path_of(pid: int, proc_root: Path, hierarchy: Hierarchy) -> str | None:
    """Return the memory cgroup of process ``pid`` ("/a/b"), None where the process is gone."""
    try:
        lines = kernel_file.lines(proc_root / str(pid) / "cgroup")
    except OSError:
        return None
    for line in lines:
        _, colon, rest = line.partition(":")
        controllers, second, path = rest.partition(":")
        ours = (
            "memory" in controllers.split(",") if hierarchy.version == 1 else hierarchy.version == 2 and not controllers
        )
        # ".." is what a cgroup outside of our own namespace looks like: not ours to look at (`_possible`)
        if ours and colon and second and path.startswith("/") and _possible(path):
            return path
    return None


def _possible(path: str) -> bool:
    """Whether there can be a cgroup of this path below our own namespace's root. Source: linux/limits.h."""
    parts = path.split("/")
    return ".." not in parts and len(path) < LONGEST_PATH and all(len(part) <= LONGEST_NAME for part in parts)


def limits(hierarchy: Hierarchy, path: str) -> Limits | None:
    """Return the limits set on cgroup ``path`` itself, None where it does not exist.

    Raises OSError where a file says something else than a limit: that is neither one nor none.
    """
    directory = hierarchy.directory(path)
    try:
        return _limits(hierarchy, directory) if directory.is_dir() else None
    except OSError:
        if directory.is_dir():
            raise
        return None  # it vanished while we looked


def _limits(hierarchy: Hierarchy, directory: Path) -> Limits:
    if hierarchy.version == 2:
        return Limits(_v2_number(directory / "memory.max"), *_v2_swap(directory))
    memory = _v1_number(directory / "memory.limit_in_bytes")
    with_swap_file = directory / "memory.memsw.limit_in_bytes"
    if not with_swap_file.is_file():
        return Limits(memory, None, swap_accounted=False)
    with_swap = _v1_number(with_swap_file)
    return Limits(memory, None if with_swap is None else max(0, with_swap - (memory or 0)))


def ancestors(path: str) -> Iterator[str]:
    """Yield ``path`` and every cgroup above it, the root last."""
    parts = [part for part in path.split("/") if part]
    for length in range(len(parts), -1, -1):
        yield "/" + "/".join(parts[:length])


def smallest_limit(hierarchy: Hierarchy, path: str) -> tuple[int | None, str]:
    """Return the smallest memory limit (bytes) on the way from ``path`` to the root, and where it stands."""
    smallest: int | None = None
    where = ""
    for ancestor in ancestors(path):
        found = limits(hierarchy, ancestor)
        if found and found.memory is not None and (smallest is None or found.memory < smallest):
            smallest, where = found.memory, ancestor
    return smallest, where


def usage(hierarchy: Hierarchy, path: str) -> Usage | None:
    """Return what cgroup ``path`` uses, its children included; None where it does not exist."""
    directory = hierarchy.directory(path)
    try:
        stat = _pairs(directory / "memory.stat")
        return _v2_usage(directory, stat) if hierarchy.version == 2 else _v1_usage(directory, stat)
    except OSError:
        return None


def kills(hierarchy: Hierarchy, path: str) -> int | None:
    """Return how many processes in cgroup ``path`` and below the kernel has killed for lack of memory.

    None where it is not told: v1 counts for each cgroup alone, and forgets it with the cgroup.
    """
    if hierarchy.version != 2:
        return None
    try:
        return _pairs(hierarchy.directory(path) / "memory.events").get("oom_kill")
    except OSError:
        return None


def processes(hierarchy: Hierarchy, path: str) -> list[int]:
    """Return the processes in cgroup ``path`` and everywhere below it."""
    directory = hierarchy.directory(path)
    found: list[int] = []
    for procs in sorted([directory / "cgroup.procs", *directory.glob("**/cgroup.procs")]):
        try:
            found += filter(None, map(kernel_file.number, kernel_file.text(procs).split()))
        except OSError:
            continue  # a cgroup that vanished between listing and reading has no processes
    return sorted(set(found))


def _v2_usage(directory: Path, stat: dict[str, int]) -> Usage:
    events = _pairs(directory / "memory.events") if (directory / "memory.events").is_file() else {}
    kernel = stat.get("kernel")
    if kernel is None:  # before Linux 5.18 the parts are given but not their sum
        parts = ("kernel_stack", "pagetables", "percpu", "sock", "slab")
        kernel = sum(stat.get(part, 0) for part in parts)
    return Usage(
        current=kernel_file.number_in(directory / "memory.current"),
        inactive_file=stat.get("inactive_file", 0),
        anonymous=stat.get("anon", 0) + stat.get("shmem", 0),
        kernel=max(0, kernel - stat.get("slab_reclaimable", 0)),
        major_faults=stat.get("pgmajfault", 0),
        oom_kills=events.get("oom_kill", 0),
        stalled_percent=_pressure(directory / "memory.pressure"),
    )


def _v1_usage(directory: Path, stat: dict[str, int]) -> Usage:
    control = directory / "memory.oom_control"
    kernel = directory / "memory.kmem.usage_in_bytes"
    return Usage(
        current=kernel_file.number_in(directory / "memory.usage_in_bytes"),
        inactive_file=stat.get("total_inactive_file", 0),
        anonymous=stat.get("total_rss", 0) + stat.get("total_shmem", 0),
        kernel=kernel_file.number_in(kernel) if kernel.is_file() else 0,
        major_faults=stat.get("total_pgmajfault", 0),
        oom_kills=_pairs(control).get("oom_kill", 0) if control.is_file() else 0,
    )


def _pressure(path: Path) -> float | None:
    """Return the share of the last minute, in percent, in which something waited for memory."""
    try:
        found = PRESSURE.match(kernel_file.text(path))
    except OSError:
        return None
    return float(found[1]) if found else None


def _v2_swap(directory: Path) -> tuple[int | None, bool]:
    path = directory / "memory.swap.max"
    return (_v2_number(path), True) if path.is_file() else (None, False)


def _v2_number(path: Path) -> int | None:
    if not path.is_file():  # the root cgroup has no limit files
        return None
    return None if kernel_file.text(path).strip() == "max" else kernel_file.number_in(path)


def _v1_number(path: Path) -> int | None:
    if not path.is_file():
        return None
    value = kernel_file.number_in(path)
    return None if value >= V1_UNLIMITED else value


def _pairs(path: Path) -> dict[str, int]:
    pairs: dict[str, int] = {}
    for line in kernel_file.lines(path):
        key, _, value = line.partition(" ")
        number = kernel_file.number(value.strip())
        if number is not None:
            pairs[key] = number
    return pairs
