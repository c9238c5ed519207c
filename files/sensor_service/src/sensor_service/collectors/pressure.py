"""Pressure stall information: time lost waiting for CPU, memory or I/O. Format: https://docs.kernel.org/accounting/psi.html

Absent where the kernel was built or booted without it (Raspberry Pi OS needs `psi=1` on its boot line).
"""

from __future__ import annotations

from .. import files
from ..metric import counter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..output import Output
    from ..robot import Robot

_SOME = "Time in which at least one task waited for"
_FULL = "Time in which every task waited for"
# resource -> (kind of line, metric)
LINES = {
    "cpu": (("some", counter("node_pressure_cpu_waiting_seconds_total", f"{_SOME} a CPU.")),),
    "io": (
        ("some", counter("node_pressure_io_waiting_seconds_total", f"{_SOME} I/O.")),
        ("full", counter("node_pressure_io_stalled_seconds_total", f"{_FULL} I/O.")),
    ),
    "memory": (
        ("some", counter("node_pressure_memory_waiting_seconds_total", f"{_SOME} memory.")),
        ("full", counter("node_pressure_memory_stalled_seconds_total", f"{_FULL} memory.")),
    ),
    "irq": (("full", counter("node_pressure_irq_stalled_seconds_total", f"{_FULL} interrupts.")),),
}


def totals(text: str) -> dict[str, float]:
    """Returns the `total` of each line of a pressure file, by `some` and `full`, in seconds. Raises ValueError."""
    found = {}
    for line in text.splitlines():
        kind, _, rest = line.partition(" ")
        _, mark, total = rest.rpartition("total=")
        if not mark:
            raise ValueError("a pressure file without totals")
        found[kind] = files.parse_integer(total.strip()) / 1_000_000
    return found


def collect(robot: Robot, out: Output) -> None:
    """Reads `pressure/*`, whose totals are in microseconds."""
    for resource, metrics in LINES.items():
        path = f"{robot.proc}/pressure/{resource}"
        try:
            text = files.optional_table(path)
            found = totals(text) if text is not None else {}
        except (OSError, ValueError) as error:
            out.fault(path, error)
            continue
        for kind, metric in metrics:
            if kind in found:
                out.add(metric, found[kind])
