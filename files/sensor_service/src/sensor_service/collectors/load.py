"""Load averages. Format: proc_loadavg(5)."""

from __future__ import annotations

from .. import files
from ..metric import gauge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..output import Output
    from ..robot import Robot

AVERAGES = (
    gauge("node_load1", "Mean number of runnable or blocked tasks over 1 minute."),
    gauge("node_load5", "Mean number of runnable or blocked tasks over 5 minutes."),
    gauge("node_load15", "Mean number of runnable or blocked tasks over 15 minutes."),
)


def collect(robot: Robot, out: Output) -> None:
    """Reads `loadavg`. Raises OSError and ValueError."""
    words = files.table(f"{robot.proc}/loadavg").split()
    if len(words) < len(AVERAGES):
        raise ValueError("loadavg: too few fields")
    for metric, word in zip(AVERAGES, words):
        out.add(metric, files.parse_float(word))
