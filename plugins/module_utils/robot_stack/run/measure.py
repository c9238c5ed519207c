"""Reads back and judges what runs, whatever the call was for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..ask import history
from ..host import cgroup
from ..judge import peaks, readback
from ..judge.readback import EngineReading, Reading
from ..plan.observe import Observed
from ..records import samples, state
from ..records.state import ServiceMemory
from . import disk_usage, report
from .context import Call


@dataclass(frozen=True)
class Measured:
    """The measured part of the result, and the readings that it was made of; no engine, no readings."""

    result: dict[str, Any]
    readings: list[Reading] = field(default_factory=list)
    engine: EngineReading | None = None


def measure(call: Call, seen: Observed, remember: bool = False) -> Measured:
    """Read back what runs; on a robot without an engine there is nothing to read but the robot itself."""
    if not seen.engine.running:
        return Measured({"robot": report.robot(seen.robot, "")})
    now = call.clock()
    hierarchy: cgroup.Hierarchy = seen.robot.hierarchy
    recent = samples.load(call.roots.path(samples.DIRECTORY))
    readings = [
        readback.service(
            call.stack,
            service,
            call.engine,
            call.roots,
            hierarchy,
            readback.Known(seen.state.services.get(service.name, ServiceMemory()), recent.of(service.name), now),
        )
        for service in call.stack.scoped_services
    ]
    readings = peaks.remembered(call.stack, readings, now)
    engine_reading = readback.engine(call.stack, call.roots, hierarchy, seen.robot.swap_total)
    result, remembered = report.everything(call.stack, seen, readings, engine_reading, now)
    if call.window.hours:  # last, so that asking does not count in what was measured
        result["disk"] = disk_usage.read(call.stack, call.engine, call.roots)
        result["history"] = history.read(call.stack, call.window, now)
    if remember and remembered != seen.state:
        state.save(remembered, call.roots.path(call.stack.budget.root))
    return Measured(result, readings, engine_reading)


def faults(result: Mapping[str, Any], verdicts: Collection[str]) -> list[str]:
    """Return who has one of ``verdicts``, and why."""
    rows = {
        **result.get("services", {}),
        "engine": result.get("engine_usage", {}),
        "stack": result.get("budget", {}),
    }
    return [
        f"{name}: {row['verdict']} ({'; '.join(row['reasons'])})"
        for name, row in rows.items()
        if row.get("verdict") in verdicts
    ]
