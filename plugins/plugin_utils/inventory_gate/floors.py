"""The smallest limit in which each service still serves. Measured; `make benchmark-floors` measures them again."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from .declaration import Fault, Robot, fault

# Active series, and the smallest limit in MiB in which VictoriaMetrics answered every dashboard query with fewer than
# 10 major faults a minute (docs/benchmark.md). A test keeps these equal to the results of the last run.
MEASURED: tuple[tuple[int, int], ...] = ((200, 44), (1000, 54), (5000, 62))
# The same for vmagent, with no hub for a while and then sending what it had kept.
VMAGENT_MEASURED: tuple[tuple[int, int], ...] = ((200, 22), (1000, 22), (5000, 28))
# Active series, and the most that a hub's database takes (MiB) while all robots send an hour of backlog.
HUB_MEASURED: tuple[tuple[int, int], ...] = ((3000, 65), (15000, 203), (30000, 232), (60000, 285))
SENSOR_SERVICE_MEASURED_MIB = 9
# None for VictoriaMetrics: a limit counts only where it served twice, and the default is such a limit.
MARGIN_MIB = 0
SENSOR_SERVICE_MARGIN_MIB = 3
VICTORIAMETRICS: tuple[tuple[int, int], ...] = tuple((series, mib + MARGIN_MIB) for series, mib in MEASURED)
SENSOR_SERVICE_MIB = SENSOR_SERVICE_MEASURED_MIB + SENSOR_SERVICE_MARGIN_MIB
# The filter memory_floor, with which roles name theirs, knows these; one load means whatever it is asked to serve.
TABLES: dict[str, tuple[tuple[int, int], ...]] = {
    "sensor_service": ((1, SENSOR_SERVICE_MIB),),
    "victoriametrics": VICTORIAMETRICS,
    "vmagent": VMAGENT_MEASURED,
    "telemetry_hub_victoriametrics": HUB_MEASURED,
    # Reckoned: it is the engine of one hub's database, with as many series; it parses neither requests nor queries.
    # make benchmark-hub measures storages beside such a database, with one number of series (docs/scale.md).
    "telemetry_hub_vmstorage": HUB_MEASURED,
    # Reckoned: with less it would refuse the largest blocks that robots send (vminsert_fit), which they then drop.
    "telemetry_hub_vminsert": ((1, 48),),
    # Robots that can be connected at once, by how many open files there is memory for (vmauth_fit.robots): beyond that,
    # whoever comes is not let in until somebody else goes. A test keeps these next to that, and never above. In 24 MiB
    # it takes four requests at once: with 98 robots that sent an hour of backlog a query was not answered in time.
    "telemetry_hub_vmauth": ((198, 40), (288, 64), (408, 96), (5160, 1024)),
    # Not measured: what these keep outside of the Go heap (28 MiB: telemetry_hub_vmalert_outside_heap_mib and its
    # like), and a heap that is not collected all the time.
    "telemetry_hub_vmselect": ((1, 40),),
    "telemetry_hub_vmalert": ((1, 40),),
    "telemetry_hub_backup": ((1, 40),),
    "telemetry_hub_restore": ((1, 40),),
}


def victoriametrics_mib(expected_series: int, measured: Sequence[tuple[int, int]] = VICTORIAMETRICS) -> int:
    """Return the floor for ``expected_series``: interpolated between measurements, extended beyond the last."""
    first_series, first_mib = measured[0]
    if expected_series <= first_series or len(measured) == 1:
        return first_mib
    pairs = list(zip(measured, measured[1:]))
    (low_series, low_mib), (high_series, high_mib) = next(
        (pair for pair in pairs if expected_series <= pair[1][0]), pairs[-1]
    )
    slope = (high_mib - low_mib) / (high_series - low_series)
    return math.ceil(round(low_mib + (expected_series - low_series) * slope, 6))


def measured_mib(service: str, series: Any = 1) -> int:
    """Return the floor of one of our services; 0, which refuses nothing, where ``series`` is no number of series."""
    if isinstance(series, bool) or not isinstance(series, int) or series < 1:
        return 0  # told by the check of values
    return victoriametrics_mib(series, TABLES[service])


def check(robot: Robot) -> list[Fault]:
    """Return the limits of ``robot`` that are too small for what their services shall hold, by the services' specs."""
    faults = []
    for service in robot.services:
        variable = f"{service}_memory_limit_mib"
        limit, (floor, _) = robot.integer(variable), robot.part(service, "memory_floor")
        mib = floor.get("mib") if isinstance(floor, Mapping) else None
        if limit is None or not isinstance(floor, Mapping) or not isinstance(mib, int) or not 0 < limit < mib:
            continue
        load, otherwise = floor.get("load") or "", floor.get("otherwise")
        reason = "that it needs" if floor.get("reckoned") else "in which the service was measured to serve"
        why = f"below the {mib} MiB {reason} {load}".rstrip()
        remedy = f"raise it to at least {mib}" + (f", or {otherwise}" if otherwise else "")
        faults.append(fault(robot, variable, why, remedy))
    return faults
