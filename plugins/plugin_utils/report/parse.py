"""Reads a measurement into the types of `fleet`. What has the wrong type is unknown: no robot's word is trusted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.ask.history import MOST_HOURS

from .fleet import UNMEASURED, Component, History, Line, Robot
from .formatting import LATEST

SENSOR_NAMES = {
    "node_thermal_zone_temp": "temperature",
    "node_hwmon_temp_celsius": "temperature",
    "node_power_supply_capacity": "battery charge",
}
NO_MOMENTS = "its moments cannot be right, so nothing of it is shown over time"


def number(raw: Any) -> float | None:
    """Return ``raw`` where it is a number."""
    return float(raw) if isinstance(raw, (int, float)) and not isinstance(raw, bool) else None


def text(raw: Any) -> str:
    """Return ``raw`` where it is a text."""
    return raw if isinstance(raw, str) else ""


def mapping(raw: Any) -> Mapping[str, Any]:
    """Return ``raw`` where it is a mapping."""
    return raw if isinstance(raw, Mapping) else {}


def items(raw: Any) -> list[Any]:
    """Return ``raw`` where it is a list."""
    return raw if isinstance(raw, list) else []


def texts(raw: Any) -> list[str]:
    """Return the texts of a list."""
    return [entry for entry in items(raw) if isinstance(entry, str)]


def numbers(raw: Any) -> list[float | None]:
    """Return a list's numbers, None for what is none."""
    return [number(entry) for entry in items(raw)]


def robots(measurement: Mapping[str, Any]) -> list[Robot]:
    """Return the robots of a measurement, by name."""
    found = mapping(measurement.get("robots"))
    return [robot(name, mapping(found[name])) for name in sorted(found)]


def robot(name: str, raw: Mapping[str, Any]) -> Robot:
    """Return one robot."""
    budget, engine, disk = mapping(raw.get("budget")), mapping(raw.get("engine_usage")), mapping(raw.get("disk"))
    services = mapping(raw.get("services"))
    state = text(raw.get("state"))
    return Robot(
        name=name,
        state=state,
        failed=bool(raw.get("failed")),
        message=text(raw.get("message")),
        verdict=state if state in UNMEASURED else text(raw.get("verdict")),
        drift=texts(raw.get("plan")),
        refusals=texts(raw.get("refusals")),
        facts=mapping(raw.get("robot")),
        services=[service(key, mapping(services[key]), mapping(disk.get(key))) for key in sorted(services)],
        engine=_engine(engine),
        ceiling=_ceiling(budget),
        engine_below_ceiling=engine.get("below_ceiling") is True,
        budget=number(budget.get("memory_budget_mib")),
        unassigned=number(budget.get("left_mib")),
        history=history(mapping(raw.get("history"))),
    )


def service(name: str, raw: Mapping[str, Any], disk: Mapping[str, Any]) -> Component:
    """Return one service."""
    return Component(
        name=name,
        verdict=text(raw.get("verdict")),
        reasons=texts(raw.get("reasons")),
        status=text(raw.get("status")),
        image=text(raw.get("image")),
        declared=number(raw.get("limit_mib")),
        limit=number(raw.get("kernel_limit_mib")),
        swap=number(raw.get("kernel_swap_mib")),
        believed=number(raw.get("believed_limit_mib")),
        used=number(raw.get("working_set_mib")),
        peak=number(raw.get("peak_mib")),
        held=number(raw.get("unreclaimable_mib")),
        pss=number(raw.get("pss_mib")),
        kills=number(raw.get("oom_kills")),
        restarts=number(raw.get("restarts")),
        hangs=number(raw.get("hangs")),
        faults_per_minute=number(raw.get("major_faults_per_minute")),
        cgroup=text(raw.get("cgroup")),
        image_size=number(disk.get("image_mib")),
        data_size=number(disk.get("data_mib")),
    )


def _engine(raw: Mapping[str, Any]) -> Component:
    """The engine is judged by what it holds: much of its working set is the page cache of what it unpacked."""
    held = number(raw.get("unreclaimable_mib"))
    return Component(
        name="engine",
        verdict=text(raw.get("verdict")),
        reasons=texts(raw.get("reasons")),
        declared=number(raw.get("allowance_mib")),
        limit=number(raw.get("allowance_mib")),
        used=held,
        held=held,
        pss=number(raw.get("pss_mib")),
    )


def _ceiling(raw: Mapping[str, Any]) -> Component:
    return Component(
        name="whole stack",
        verdict=text(raw.get("verdict")),
        reasons=texts(raw.get("reasons")),
        declared=number(raw.get("memory_budget_mib")),
        limit=number(raw.get("slice_limit_mib")),
        used=number(raw.get("used_mib")),
    )


def _sensor_name(sensor: Mapping[str, Any]) -> str:
    labels = dict.fromkeys(text(value) for value in mapping(sensor.get("labels")).values())
    which = ", ".join(label for label in labels if label not in ("", "true", "false"))
    name = SENSOR_NAMES.get(text(sensor.get("name")), text(sensor.get("name")))
    return f"{name} ({which})" if which else name


def _moments(raw: list[float | None]) -> list[int]:
    """Return a history's moments, which grow, over no longer than it may be; else none: an axis is made of them."""
    known = [int(at) for at in raw if at is not None and 0 <= at < LATEST]
    grow = len(known) == len(raw) and all(one < later for one, later in zip(known, known[1:]))
    return known if grow and known and known[-1] - known[0] <= MOST_HOURS * 3600 else []


def history(raw: Mapping[str, Any]) -> History:
    """Return the history; lines that do not fit the moments are left out."""
    moments = _moments(numbers(raw.get("moments")))
    faults = texts(raw.get("faults"))
    faults += [NO_MOMENTS] if raw.get("moments") and not moments else []
    measured_at, step = number(raw.get("measured_at")), number(raw.get("step_seconds"))
    lines, sensors = {}, []
    for name, pair in sorted(mapping(raw.get("services")).items()):
        values = numbers(mapping(pair).get("working_set_mib"))
        limits = numbers(mapping(pair).get("limit_mib"))
        if len(values) == len(moments):
            lines[name] = Line(name, "MiB", values, limits if len(limits) == len(moments) else [])
    for sensor in map(mapping, items(raw.get("sensors"))):
        values = numbers(sensor.get("values"))
        if len(values) == len(moments):
            sensors.append(Line(_sensor_name(sensor), text(sensor.get("unit")), values))
    scrapes, storage = mapping(raw.get("scrapes")), mapping(raw.get("storage"))
    return History(
        measured_at=None if measured_at is None else int(measured_at),
        step=None if step is None else int(step),
        moments=moments,
        lines=lines,
        sensors=sensors,
        scrapes={key: number(scrapes.get(key)) for key in ("count", "median_ms", "p99_ms")},
        buckets=[
            (number(bucket.get("up_to_ms")), number(bucket.get("count")) or 0.0)
            for bucket in map(mapping, items(scrapes.get("buckets")))
        ],
        collectors=[
            (text(row.get("name")), number(row.get("mean_ms")), number(row.get("success_percent")))
            for row in map(mapping, items(raw.get("collectors")))
        ],
        storage={key: number(storage.get(key)) for key in ("series", "samples", "bytes")},
        faults=faults,
    )
