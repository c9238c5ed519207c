"""What this process itself costs. Names are those of every Prometheus client library."""

from __future__ import annotations

import os
import time

from . import VERSION, files
from .metric import counter, gauge, info

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .output import Output

VERSION_INFO = info("sensor_service_info", "Always 1: the version of this service.")
RESIDENT = gauge("process_resident_memory_bytes", "Resident memory of this process, program text included.")
CPU = counter("process_cpu_seconds_total", "CPU time that this process has used.")
STARTED = gauge("process_start_time_seconds", "When this process started, in seconds since 1970.")


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
