"""The robot's memory. Format: proc_meminfo(5); what it calls kB are KiB."""

from __future__ import annotations

from .. import files
from ..metric import gauge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..output import Output
    from ..robot import Robot

# The fields that tell where memory went, out of about 50.
FIELDS = (
    "MemTotal",
    "MemFree",
    "MemAvailable",
    "Buffers",
    "Cached",
    "SwapCached",
    "SwapTotal",
    "SwapFree",
    "Dirty",
    "Writeback",
    "AnonPages",
    "Mapped",
    "Shmem",
    "Slab",
    "SReclaimable",
    "SUnreclaim",
    "KernelStack",
    "PageTables",
    "Committed_AS",
    "CmaTotal",
    "CmaFree",
)
METRICS = {name: gauge(f"node_memory_{name}_bytes", f"{name} of /proc/meminfo.") for name in FIELDS}


def collect(robot: Robot, out: Output) -> None:
    """Reads `meminfo`. Raises OSError, and ValueError where it has no MemTotal."""
    path = f"{robot.proc}/meminfo"
    seen = False
    for line in files.table(path).splitlines():
        name, _, rest = line.partition(":")
        metric = METRICS.get(name)
        if metric is None:
            continue
        seen = seen or name == "MemTotal"
        try:
            out.add(metric, files.parse_integer(rest.replace("kB", "").strip()) * 1024)
        except ValueError as error:
            out.fault(f"{path}: {name}", error)
    if not seen:
        raise ValueError("meminfo: no MemTotal")
