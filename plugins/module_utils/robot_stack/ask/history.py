"""Reads the robot's own history from the service that keeps it, downsampled and bounded, for a report.

One query after the other: the service lives in a small cgroup and must not be hurt by being looked at. Sizes in MiB,
durations in ms. A series has one value for each moment of a grid (None: no sample); each stands for the whole step
before it, so that no peak is lost between two moments. What could not be read is told in `faults`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..base.units import MIB
from ..spec.model import SpecError, Stack
from . import http
from .prometheus import Ask, Grid, Reader

MOST_HOURS = 24 * 366
FEWEST_POINTS, MOST_POINTS = 10, 1000
SHORTEST_STEP_SECONDS = 5
MOST_SENSORS = 4
WORKING_SET = "container_memory_working_set_bytes"
LIMIT = "container_spec_memory_limit_bytes"
SCRAPES = "sensor_scrape_duration_seconds_bucket"
SENSORS = (("node_thermal_zone_temp", "°C"), ("node_hwmon_temp_celsius", "°C"), ("node_power_supply_capacity", "%"))
OF_THE_SCRAPER = ("__name__", "instance", "job", "robot", "robot_groups")  # labels that say nothing of a sensor
KEEPS_NONE = "no service of this robot keeps a history; where it sends its samples to a hub, the hub has it"


@dataclass(frozen=True)
class Window:
    """How far to look back, and into how many points at most. 0 hours: not at all."""

    hours: int = 0
    points: int = 120


def parse(raw: Mapping[str, Any] | None) -> Window:
    """Return the window that the module's parameter asks for, or raise `SpecError`."""
    window = Window(**(raw or {}))
    if not 0 <= window.hours <= MOST_HOURS:
        raise SpecError(f"history.hours {window.hours} is not between 0 and {MOST_HOURS}")
    if not FEWEST_POINTS <= window.points <= MOST_POINTS:
        raise SpecError(f"history.points {window.points} is not between {FEWEST_POINTS} and {MOST_POINTS}")
    return window


def read(stack: Stack, window: Window, now: float, ask: Ask | None = None) -> dict[str, Any]:
    """Return the robot's history of at most ``window``, ending ``now`` (seconds of 1970).

    A robot without a keeper of history, or with a silent one, has an empty history and a fault that says why.
    """
    base: dict[str, Any] = {"measured_at": int(now)}
    keeper = next((service for service in stack.services if service.history_url), None)
    if keeper is None:
        return {**base, "faults": [KEEPS_NONE]}
    reader = Reader(keeper.history_url, ask or http.asker(keeper))
    grid = _grid(reader, window, int(now))
    if grid is None:
        return {**base, "faults": reader.faults or ["there are no samples yet"]}
    return {
        **base,
        "step_seconds": grid.step,
        "moments": grid.moments,
        "services": _services(reader, grid),
        "sensors": _sensors(reader, grid),
        "scrapes": _scrapes(reader, grid),
        "collectors": _collectors(reader, grid),
        "storage": _storage(reader, grid),
        "faults": reader.faults,
    }


def _grid(reader: Reader, window: Window, now: int) -> Grid | None:
    """Start where the samples start: an hour's history on a day's grid would be five points. None: no samples.

    By up to a step earlier: the window's first sample is some seconds inside of it, and a day would never be one.
    """
    span = window.hours * 3600
    first = reader.instant("first sample", f"min(tfirst_over_time({WORKING_SET}[{span}s]))", now)
    if not first:
        return None
    span = min(span, max(1, now - int(first[0][1])))
    step = max(SHORTEST_STEP_SECONDS, math.ceil(span / window.points))
    return Grid(now, step, max(1, min(window.points, math.ceil(span / step))))


def _services(reader: Reader, grid: Grid) -> dict[str, dict[str, list[float | None]]]:
    """Return working set and limit of each service; the slices around them are `engine` and `robotstack`."""
    found: dict[str, dict[str, list[float | None]]] = {}
    queries = (
        ("working_set_mib", f"max(max_over_time({WORKING_SET}[{grid.step}s])) by (service)"),
        ("limit_mib", f"min(min_over_time({LIMIT}[{grid.step}s]) > 0) by (service)"),
    )
    for key, query in queries:
        for labels, values in reader.range(key, query, grid):
            mib = [None if value is None else round(value / MIB, 1) for value in values]
            found.setdefault(labels.get("service", ""), {})[key] = mib
    return dict(sorted(found.items()))


def _sensors(reader: Reader, grid: Grid) -> list[dict[str, Any]]:
    """Return a few of the sensors' own series, so that memory can be seen beside what the robot did."""
    found: list[dict[str, Any]] = []
    for name, unit in SENSORS:
        for labels, values in reader.range(name, f"max_over_time({name}[{grid.step}s])", grid):
            shown = {key: value for key, value in sorted(labels.items()) if key not in OF_THE_SCRAPER}
            rounded = [None if value is None else round(value, 2) for value in values]
            found.append({"name": name, "unit": unit, "labels": shown, "values": rounded})
    found.sort(key=lambda sensor: (sensor["name"], sorted(sensor["labels"].items())))
    return found[:MOST_SENSORS]


def _scrapes(reader: Reader, grid: Grid) -> dict[str, Any]:
    """Return how long reading all sensors took: how many scrapes, quantiles, and how many in each bucket."""
    grown = f"sum(increase({SCRAPES}[{grid.covered}s])) by (le)"
    answered = reader.instant("scrape durations", grown, grid.end)
    below = sorted((float(labels["le"]), round(value)) for labels, value in answered if _bound(labels.get("le", "")))
    if not below or not below[-1][1]:
        return {}
    buckets = [
        {"up_to_ms": None if math.isinf(bound) else round(bound * 1000, 3), "count": max(0, count - before)}
        for (bound, count), (_, before) in zip(below, [(0.0, 0), *below])
    ]
    return {
        "count": below[-1][1],
        "median_ms": _quantile_ms(reader, 0.5, grown, grid),
        "p99_ms": _quantile_ms(reader, 0.99, grown, grid),
        "buckets": buckets,
    }


def _bound(text: str) -> bool:
    try:
        return not math.isnan(float(text))
    except ValueError:
        return False


def _quantile_ms(reader: Reader, share: float, grown: str, grid: Grid) -> float | None:
    found = reader.instant("scrape durations", f"histogram_quantile({share}, {grown})", grid.end)
    return round(found[0][1] * 1000, 2) if found else None


def _collectors(reader: Reader, grid: Grid) -> list[dict[str, Any]]:
    """Return each collector of the sensor service: its mean duration, and the share of its reads that succeeded."""
    found: dict[str, dict[str, Any]] = {}
    for key, name, factor in (
        ("mean_ms", "sensor_collector_duration_seconds", 1000),
        ("success_percent", "sensor_collector_success", 100),
    ):
        query = f"avg(avg_over_time({name}[{grid.covered}s])) by (collector)"
        for labels, value in reader.instant(name, query, grid.end):
            found.setdefault(labels.get("collector", ""), {})[key] = round(value * factor, 3)
    return [{"name": name, **row} for name, row in sorted(found.items())]


def _storage(reader: Reader, grid: Grid) -> dict[str, float]:
    """Return what is kept: series of the last hour, samples, and their bytes on disk."""
    queries = {
        "series": "sum(last_over_time(vm_hourly_series_limit_current_series[5m]))",
        "samples": 'sum(last_over_time(vm_rows{type=~"storage/.*"}[5m]))',
        "bytes": 'sum(last_over_time(vm_data_size_bytes{type=~"storage/.*"}[5m]))',
    }
    answers = {key: reader.instant(key, query, grid.end) for key, query in queries.items()}
    return {key: found[0][1] for key, found in answers.items() if found}
