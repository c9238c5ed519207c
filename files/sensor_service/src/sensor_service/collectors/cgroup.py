"""The stack's own memory: the slice as a whole, the container engine, and each service.

Names are cAdvisor's, with the label `service`. `robotstack.slice` is told as service="robotstack", the child slice
`robotstack-engine.slice` as service="engine". For a service, memory and its limit are those of the container's own
cgroup below the slice `robotstack-<service>.slice`, which is what the kernel enforces and the engine shows. Podman's is
below a systemd unit, beside its monitor. Counters come from the slice on cgroup v2, where they outlive a container, and
from the container on v1.
"""

from __future__ import annotations

from .. import cgroups, files
from ..metric import counter, gauge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..output import Output
    from ..robot import Robot

GAUGES = {
    "usage": gauge("container_memory_usage_bytes", "Memory used, page cache included."),
    "working_set": gauge("container_memory_working_set_bytes", "Memory used without inactive page cache."),
    "peak": gauge("container_memory_max_usage_bytes", "Largest memory used, page cache included."),
    "anonymous": gauge("container_memory_rss", "Anonymous memory, in bytes: cannot be reclaimed without swap."),
    "kernel": gauge("container_memory_kernel_usage", "Kernel memory charged to the cgroup, in bytes."),
    "limit": gauge("container_spec_memory_limit_bytes", "Limit that the kernel enforces; 0 is no limit."),
}
COUNTERS = {
    "oom_kills": counter("container_oom_events_total", "Processes killed at the memory limit."),
    "major_faults": counter("container_memory_failures_total", "Page faults that had to read from a disk."),
    "waiting": counter("container_pressure_memory_waiting_seconds_total", "Time in which a task waited for memory."),
    "stalled": counter(
        "container_pressure_memory_stalled_seconds_total", "Time in which every task waited for memory."
    ),
}
PODMANS = "libpod-payload-"
FAULT_LABELS = {"failure_type": "pgmajfault"}


def collect(robot: Robot, out: Output) -> None:
    """Reads the memory cgroups below the stack's slice, in bytes. Absent without the slice or memory controller."""
    root = f"{robot.sys}/fs/cgroup"
    v2 = cgroups.is_v2(root)
    facts = cgroups.facts_v2 if v2 else cgroups.facts_v1
    stem = robot.slice_name.removesuffix(".slice")
    top = f"{root}/{robot.slice_name}" if v2 else f"{root}/memory/{robot.slice_name}"
    if not files.exists(top):
        return
    _put(out, stem, facts(top, out.fault))
    for name in out.directories(top):
        if not (name.startswith(f"{stem}-") and name.endswith(".slice")):
            continue
        path = f"{top}/{name}"
        service = name[len(stem) + 1 : -len(".slice")]
        if service == "engine":
            _put(out, service, facts(path, out.fault))
            continue
        found = _sum([facts(container, out.fault) for container in _containers(path, out)])
        if v2:
            of_slice = facts(path, out.fault)
            found.update({fact: of_slice[fact] for fact in COUNTERS if fact in of_slice})
        _put(out, service, found)


def _containers(path: str, out: Output) -> list[str]:
    """Returns the cgroups of a service's containers; of a unit of systemd's, what Podman has made below it."""
    found = []
    for child in out.directories(path):
        below = f"{path}/{child}"
        if child.endswith(".service"):
            found += [f"{below}/{name}" for name in out.directories(below) if name.startswith(PODMANS)]
        else:
            found.append(below)
    return found


def _sum(containers: list[dict[str, float]]) -> dict[str, float]:
    """Returns the facts of a service's containers: one, or two for the moment in which one replaces the other.

    One of them without a limit leaves the service without one.
    """
    total: dict[str, float] = {}
    for found in containers:
        for fact, value in found.items():
            total[fact] = total.get(fact, 0) + value
    if any(found.get("limit") == 0 for found in containers):
        total["limit"] = 0
    return total


def _put(out: Output, service: str, found: dict[str, float]) -> None:
    for fact, metric in GAUGES.items():
        if fact in found:
            out.add(metric, found[fact], service=service)
    for fact, metric in COUNTERS.items():
        if fact in found:
            labels = FAULT_LABELS if fact == "major_faults" else {}
            out.add(metric, found[fact], service=service, **labels)
