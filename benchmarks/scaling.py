"""From fleets that were measured to hosts that were not: a line through the figures, and arithmetic. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.robotfleet.stack.plugins.filter import victoriametrics_disk as disk_plan

from . import product

# The hub's alert RobotBudgetTight fires at this share of a limit.
TIGHT = 0.8
ENTRY_POINT = "telemetry_hub_vmauth"
BESIDE_THE_DATABASE = (
    "robot_stack_memory_reserve_mib",
    "container_engine_memory_allowance_mib",
    "telemetry_hub_vmalert_memory_limit_mib",
    "sensor_service_memory_limit_mib",
)


@dataclass(frozen=True)
class Line:
    """What is there without any, and what each one more adds."""

    base: float
    each: float

    def most(self, total: float) -> int:
        """Return how many there is room for in ``total``."""
        return max(0, int((total - self.base) / self.each))


def line(points: Sequence[tuple[float, float]]) -> Line:
    """Return the straight line nearest to ``points`` (least squares). Raises ValueError where there is none."""
    if len({x for x, _ in points}) < 2:
        raise ValueError("a line needs two different points")
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    each = sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _ in points)
    return Line(mean_y - each * mean_x, each)


def roomy(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the fleets that were measured in a limit with room to spare, the smallest first."""
    most = max(fleet["limit_mib"] for fleet in found["fleets"])
    return sorted((fleet for fleet in found["fleets"] if fleet["limit_mib"] == most), key=lambda fleet: fleet["series"])


def memory(found: dict[str, Any], figure: str) -> Line:
    """Return MiB by series: of what is held (``held_mib``), or of the peak (``peak_mib``)."""
    return line([(fleet["series"], fleet[figure]) for fleet in roomy(found)])


def database_mib(host_mib: int, robots: int) -> int:
    """Return what is left for the database on a host that does nothing else, with all other defaults.

    The entry point gets more than its default where so many robots need that.
    """
    others = sum(int(product.default(variable)) for variable in BESIDE_THE_DATABASE)
    return host_mib - others - entry_point_mib(robots)


def entry_point_mib(robots: int) -> int:
    """Return the limit of the entry point for so many robots: the default, or what the inventory gate asks for."""
    default = int(product.default(f"{ENTRY_POINT}_memory_limit_mib"))
    return max(default, product.entry_point_floor_mib(max(1, robots)))


def most(serves: Callable[[int], bool]) -> int:
    """Return the largest number that ``serves`` accepts; it accepts none beyond the first that it does not."""
    low, high = 0, 1
    while serves(high):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if serves(middle) else (low, middle)
    return low


def robots_by_memory(limit_mib: int, series: int, measured: Line) -> int:
    """Return for how many robots ``limit_mib`` suffices by what was measured, without getting tight."""
    return measured.most(TIGHT * limit_mib) // series


def needed_mib(robots: int, series: int, measured: Line) -> float:
    """Return the limit in which so many robots are not tight, by what was measured."""
    return (measured.base + measured.each * robots * series) / TIGHT


def robots_by_floor(limit_mib: int, series: int, floor: Callable[[int], int] = product.floor_mib) -> int:
    """Return for how many robots ``limit_mib`` is no less than the floor that is measured for robots, extended."""
    return most(lambda robots: floor(robots * series) <= limit_mib)


def samples_per_second(robots: int, series: int, interval_seconds: float) -> float:
    """Return what arrives."""
    return robots * series / interval_seconds


def cores(robots: int, series: int, interval_seconds: float, fleet: dict[str, Any]) -> float:
    """Return the cores that are busy with taking what arrives; queries come on top."""
    rate = samples_per_second(robots, series, interval_seconds)
    return rate * float(fleet["cpu_seconds_per_million"]) / 1e6


def disk_mib(series: int, interval_seconds: float, kept_seconds: float, fleet: dict[str, Any]) -> float:
    """Return what a robot's samples occupy in the end, their index included, by what was measured."""
    return series * kept_seconds / interval_seconds * float(fleet["bytes_per_sample"]) / 1024**2


def planned_disk_mib(series: int, interval_seconds: int, kept_seconds: int) -> float:
    """Return what the hub's plan asks for: a robot's share, without what all of them have in common."""
    interval, kept = f"{interval_seconds}s", f"{kept_seconds}s"
    return disk_plan.disk_mib(series, interval, kept, 0) - disk_plan.INDEX_MIB


def floor_slope() -> float:
    """Return the MiB that a further series takes, by the floors of VictoriaMetrics beyond the largest measured."""
    many = 10_000_000
    return (product.floor_mib(2 * many) - product.floor_mib(many)) / many
