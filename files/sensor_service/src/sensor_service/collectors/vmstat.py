"""OOM kills, page faults and paging of the whole robot. Format: proc_vmstat(5).

node_exporter leaves the type of these open, and so does this.
"""

from __future__ import annotations

from .. import files
from ..metric import unknown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..output import Output
    from ..robot import Robot

METRICS = {
    "oom_kill": unknown("node_vmstat_oom_kill", "Tasks killed since boot because memory ran out."),
    "pgfault": unknown("node_vmstat_pgfault", "Page faults since boot."),
    "pgmajfault": unknown("node_vmstat_pgmajfault", "Page faults since boot that had to read from a disk."),
    "pgpgin": unknown("node_vmstat_pgpgin", "KiB read from disks since boot."),
    "pgpgout": unknown("node_vmstat_pgpgout", "KiB written to disks since boot."),
    "pswpin": unknown("node_vmstat_pswpin", "Pages read from swap since boot."),
    "pswpout": unknown("node_vmstat_pswpout", "Pages written to swap since boot."),
}


def collect(robot: Robot, out: Output) -> None:
    """Reads `vmstat`. Raises OSError, and ValueError where no line of it is known."""
    path = f"{robot.proc}/vmstat"
    text = files.table(path)
    known = 0
    for name, metric in METRICS.items():
        value = files.value_of(text, name)
        if value is None:
            continue
        known += 1
        try:
            out.add(metric, files.parse_integer(value))
        except ValueError as error:
            out.fault(f"{path}: {name}", error)
    if not known:
        raise ValueError("vmstat: none of its known lines")
