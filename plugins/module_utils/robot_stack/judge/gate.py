"""What a robot must be after a change to stay as it is: the gate. Pure: readings in, objections out.

Every service runs, is healthy and has its limits in the kernel, nothing of it was killed or ended since it was
deployed, the verdict over services, engine and stack is ok, and what was used at most fits the budget. What happened
before the robot was changed is not held against the change: it may be what the change mends.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from ..base.units import bytes_of, mib_of
from ..records import samples
from ..spec.model import Stack
from . import verdict
from .readback import EngineReading, Reading

PASSES = ("ok", verdict.STOPPED)
PASSES_WITH_TIGHT = (*PASSES, "tight")
STALL_SECONDS = 60.0  # what the kernel's share of waiting looks back to: `avg60`


@dataclass(frozen=True)
class Objection:
    """Who does not pass (a service, "engine" or "stack"), and why."""

    subject: str
    why: str


def objections(
    stack: Stack,
    readings: Sequence[Reading],
    engine: EngineReading,
    changed: Collection[str],
    since: float,
    now: float,
) -> list[Objection]:
    """Return what speaks against a change that began at ``since``, of the services ``changed``; nothing: it passes."""
    of_this_change = [_of_this_change(reading, changed, since, now) for reading in readings]
    judged = verdict.everything(of_this_change, engine, stack.budget, now).by_name
    passes = PASSES_WITH_TIGHT if stack.accept_tight else PASSES
    found = [
        Objection(name, f"{judgement.verdict} ({'; '.join(judgement.reasons)})")
        for name, judgement in judged.items()
        if judgement.verdict not in passes
    ]
    return found + _over_budget(stack, readings, engine)


def _of_this_change(reading: Reading, changed: Collection[str], since: float, now: float) -> Reading:
    """Return ``reading`` without what happened before ``since``: kills, major faults, waits for memory."""
    # a time that is still to come was written before the clock was set back
    if reading.name not in changed and not since <= reading.record.last_failure_at <= now:
        reading = replace(reading, record=replace(reading.record, last_failure_at=0.0))
    if reading.sampled:
        after = [sample for sample in reading.sampled if sample.time >= since]
        reading = replace(reading, faults_per_minute=samples.faults_per_minute(after, reading.sampled[-1]))
    if reading.usage and now - since < STALL_SECONDS:
        reading = replace(reading, usage=replace(reading.usage, stalled_percent=None))
    return reading


def _over_budget(stack: Stack, readings: Sequence[Reading], engine: EngineReading) -> list[Objection]:
    peaks = sum(verdict.peak(reading) or 0 for reading in readings)
    held = verdict.engine_unreclaimable(engine) or 0
    if peaks + held <= bytes_of(stack.budget.memory_budget_mib):
        return []
    why = f"the services' peaks ({mib_of(peaks)} MiB) and the engine ({mib_of(held)} MiB) are more than the budget"
    return [Objection("stack", f"over budget ({why}, {stack.budget.memory_budget_mib} MiB)")]
