"""The smallest limit in which each service still serves. Measured; `make benchmark` measures them again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Callable, NamedTuple

from .declaration import Fault, Robot, fault

# Active series, and the smallest limit in MiB in which VictoriaMetrics answered every dashboard query.
VICTORIAMETRICS: tuple[tuple[int, int], ...] = ((200, 36), (1000, 40), (5000, 64))
SENSOR_SERVICE_MIB = 16


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


def _of_victoriametrics(robot: Robot) -> Floor | None:
    series = robot.integer("victoriametrics_expected_series")
    if series is None or series < 1:
        return None
    return Floor(victoriametrics_mib(series), f"at victoriametrics_expected_series {series}")


def _of_sensor_service(_robot: Robot) -> Floor | None:
    return Floor(SENSOR_SERVICE_MIB, "with every collector on")


FLOORS: dict[str, Callable[[Robot], Floor | None]] = {
    "sensor_service": _of_sensor_service,
    "victoriametrics": _of_victoriametrics,
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
    return ", or expect fewer series" if service == "victoriametrics" else ""
