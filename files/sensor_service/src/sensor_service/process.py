"""What this process itself costs. Names are those of every Prometheus client library."""

from __future__ import annotations

import os
import time

from . import VERSION, files
from .metric import counter, gauge, info

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .output import Output

VERSION_INFO = info("sensor_service_info", "Always 1: the version of this service.")
RESIDENT = gauge("process_resident_memory_bytes", "Resident memory of this process, program text included.")
CPU = counter("process_cpu_seconds_total", "CPU time that this process has used.")
STARTED = gauge("process_start_time_seconds", "When this process started, in seconds since 1970.")


def since_boot() -> float:
    """Returns the seconds since the kernel's start, sleep included: a clock that nobody sets."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Start:
    """When this process started, as the wall clock has it now: a robot without a battery sets its clock after boot."""

    __slots__ = ("_begun", "_told", "_uptime", "_wall")

    def __init__(self, wall: Callable[[], float] = time.time, uptime: Callable[[], float] = since_boot) -> None:
        """Remembers now; both clocks are in seconds."""
        self._wall = wall
        self._uptime = uptime
        self._begun = uptime()
        self._told = 0

    def seconds(self) -> int:
        """Returns the start in seconds since 1970. It changes where the clock was set, and not where it was slewed."""
        start = self._wall() - (self._uptime() - self._begun)
        if abs(start - self._told) >= 1:
            self._told = round(start)
        return self._told


def put(out: Output, started: float, proc_self: str = "/proc/self") -> None:
    """Puts this process's metrics into `out`; `started` is in seconds since 1970."""
    out.add(VERSION_INFO, 1, version=VERSION)
    out.add(CPU, time.process_time())
    out.add(STARTED, started)
    try:
        pages = files.parse_integer(files.table(f"{proc_self}/statm").split()[1])
    except (OSError, ValueError, IndexError):
        return  # without /proc there is no such series: nothing to fail a scrape for
    out.add(RESIDENT, pages * os.sysconf("SC_PAGE_SIZE"))
