"""Reads back and judges what runs, whatever the call was for."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace

from ..ask import history
from ..host import cgroup
from ..judge import cause, peaks, readback, verdict
from ..judge.readback import EngineReading, Reading
from ..judge.verdict import Judgements
from ..plan import preflight
from ..plan.observe import Observed
from ..records import samples, shut_out, state
from ..records.state import ServiceRecord
from ..spec.result import Result
from . import disk_usage, report
from .context import Call


@dataclass(frozen=True)
class Measured:
    """The measured part of the result, and the readings that it was made of; no engine, no readings."""

    result: Result
    readings: list[Reading] = field(default_factory=list)
    engine: EngineReading | None = None
    judged: Judgements = field(default_factory=Judgements)
    failed_backups: list[str] = field(default_factory=list)


def measure(call: Call, seen: Observed, remember: bool = False) -> Measured:
    """Read back what runs; on a robot without an engine there is nothing to read but the robot itself."""
    if not seen.engine.running:
        result: Result = {"robot": report.robot(seen.robot, "")}
        if seen.engine.unobserved:
            result["unobserved"] = [preflight.silent(seen)]
        return Measured(result)
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
            readback.Known(seen.state.services.get(service.name, ServiceRecord()), recent.of(service.name), now),
        )
        for service in call.stack.running_services
    ]
    readings = [_with_cause(call, reading) for reading in readings]
    readings = peaks.remembered(call.stack, readings, now)
    driver = call.engine.driver
    engine_reading = readback.engine(
        call.stack, driver.programs, call.roots, hierarchy, seen.robot.swap_total, apart=not driver.units
    )
    judged = verdict.everything(readings, engine_reading, call.stack.budget, now)
    result = report.everything(call.stack, seen, readings, engine_reading, judged)
    shut = report.shut_out(shut_out.load(call.roots.path(call.stack.budget.root)), call.stack, now)
    if shut:
        result["shut_out"] = shut
    backups = report.backups(call.stack, call.roots.path(call.stack.budget.root))
    if backups.told:
        result["backups"] = backups.told
    if call.window.hours:  # last, so that asking does not count in what was measured
        result["disk"] = disk_usage.read(call.stack, call.engine, call.roots)
        result["history"] = history.read(call.stack, call.window, now)
    kept = report.remembered(seen.state, readings)
    if remember and kept != seen.state:
        state.save(kept, call.roots.path(call.stack.budget.root))
    return Measured(result, readings, engine_reading, judged, backups.failed)


def _with_cause(call: Call, reading: readback.Reading) -> readback.Reading:
    """Have beside a service that does not run what its log says of that."""
    service = call.stack.service(reading.name)
    if service is None or reading.status in ("running", "absent"):
        return reading
    return replace(reading, cause=cause.short(call.engine, service, call.stack.budget.root))


def causes(call: Call, measured: Measured, names: Collection[str]) -> list[str]:
    """Return why those of ``names`` that are services ended, by their logs, where no reason of a verdict says it."""
    told = [reading.name for reading in measured.readings if reading.cause]
    services = [one for one in call.stack.running_services if one.name in names and one.name not in told]
    return cause.in_short(call.engine, services, call.stack.budget.root)
