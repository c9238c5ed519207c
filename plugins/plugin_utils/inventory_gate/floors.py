"""The smallest limit in which each service still serves. Measured; `make benchmark-floors` measures them again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Callable, NamedTuple

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


class Floor(NamedTuple):
    """A limit below which a service does not serve, and what it was asked to serve."""

    mib: int
    load: str


def victoriametrics_mib(expected_series: int, measured: Sequence[tuple[int, int]] = VICTORIAMETRICS) -> int:
    """Return the floor for ``expected_series``: interpolated between measurements, extended beyond the last."""
    first_series, first_mib = measured[0]
    if expected_series <= first_series:
        return first_mib
    pairs = list(zip(measured, measured[1:]))
    (low_series, low_mib), (high_series, high_mib) = next(
        (pair for pair in pairs if expected_series <= pair[1][0]), pairs[-1]
    )
    slope = (high_mib - low_mib) / (high_series - low_series)
    return math.ceil(round(low_mib + (expected_series - low_series) * slope, 6))


def vmagent_mib(expected_series: int) -> int:
    """Return vmagent's floor for ``expected_series``."""
    return victoriametrics_mib(expected_series, VMAGENT_MEASURED)


def _of_vmagent(robot: Robot) -> Floor | None:
    series = robot.integer("vmagent_expected_series")
    if series is None or series < 1:
        return None
    return Floor(vmagent_mib(series), f"at vmagent_expected_series {series}")


def _of_victoriametrics(robot: Robot) -> Floor | None:
    series = robot.integer("victoriametrics_expected_series")
    if series is None or series < 1:
        return None
    return Floor(victoriametrics_mib(series), f"at victoriametrics_expected_series {series}")


def _of_hub(robot: Robot) -> Floor | None:
    robots, series = robot.values.get("telemetry_hub_robots"), robot.integer("telemetry_hub_series_per_robot")
    if not isinstance(robots, (list, tuple)) or series is None or series < 1:
        return None
    expected = max(1, len(robots)) * series
    load = f"while {len(robots)} robots at telemetry_hub_series_per_robot {series} send an hour of backlog at once"
    return Floor(victoriametrics_mib(expected, HUB_MEASURED), load)


def _of_sensor_service(_robot: Robot) -> Floor | None:
    return Floor(SENSOR_SERVICE_MIB, "with every collector on")


FLOORS: dict[str, Callable[[Robot], Floor | None]] = {
    "sensor_service": _of_sensor_service,
    "victoriametrics": _of_victoriametrics,
    "vmagent": _of_vmagent,
    "telemetry_hub_victoriametrics": _of_hub,
}


def check(robot: Robot) -> list[Fault]:
    """Return the limits of ``robot`` that are too small for what they shall hold."""
    faults = []
    for service in robot.services:
        variable = f"{service}_memory_limit_mib"
        limit = robot.integer(variable)
        floor = FLOORS[service](robot) if service in FLOORS else None
        if limit is not None and floor is not None and 0 < limit < floor.mib:
            why = f"below the {floor.mib} MiB in which the service was measured to serve {floor.load}"
            faults.append(fault(robot, variable, why, f"raise it to at least {floor.mib}{_or_less(service)}"))
    return faults


def _or_less(service: str) -> str:
    return "" if service == "sensor_service" else ", or expect fewer series"
