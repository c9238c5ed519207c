"""The verdict over one service, the engine and the stack. Pure: readings and records in, a word and reasons out.

The rules, worst first (docs/budget.md explains them to an operator):

down         its container does not run, or its health page does not answer
unlimited    the kernel's limit is not the declared one, or swap, or the ceiling, is not limited
over budget  more is held, not reclaimable, than was declared
killed       in the last 24 hours, and since it was deployed, the kernel killed it for memory, it ended without being
             asked to, it hung and was restarted, or it was found stopped and was started
thrashing    it lives by reading its own program text back: more than 10 major faults a minute over the last 5 minutes,
             or it waited for memory in more than 10 % of the last minute (cgroup v2)
tight        80 % of the limit or more cannot be reclaimed
stopped      it does not run, as declared: nothing else is held against it
ok           none of these
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from ..base.units import bytes_of, mib_of
from ..spec.model import Budget
from .readback import EngineReading, Reading

VERDICTS = ("ok", "tight", "thrashing", "killed", "over budget", "unlimited", "down")
STOPPED = "stopped"  # no verdict over a service, but that there is none to be made: better than any but ok
FAILING = ("thrashing", "killed", "over budget", "unlimited", "down")
TIGHT_SHARE = 0.8
MAJOR_FAULTS_PER_MINUTE = 10.0
KILLED_SECONDS = 86400.0
RUNNING = ("running", "restarting", "paused")
STALLED_PERCENT = 10.0
# The engine's words for what became of a container, as a sentence has them.
BECAME = {"absent": "is not there", "exited": "has ended", "created": "was never started", "ending": "is ending"}
EVIDENCE_TOLERANCE = 4096  # one page


@dataclass(frozen=True)
class Judgement:
    """A verdict and every reason for it."""

    verdict: str
    reasons: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Judgements:
    """Those over each service, over the engine and over the stack as a whole; of a robot without an engine, none."""

    services: Mapping[str, Judgement] = field(default_factory=dict)
    engine: Judgement | None = None
    stack: Judgement | None = None

    @property
    def by_name(self) -> dict[str, Judgement]:
        """All of them; the engine and the stack have names that no service can have."""
        others = {"engine": self.engine, "stack": self.stack}
        return {**self.services, **{name: one for name, one in others.items() if one}}

    def faults(self, verdicts: Collection[str]) -> list[str]:
        """Return who has one of ``verdicts``, and why, a line each."""
        found = [(name, one) for name, one in self.by_name.items() if one.verdict in verdicts]
        return [f"{name}: {one.verdict} ({'; '.join(one.reasons)})" for name, one in found]


def everything(readings: Sequence[Reading], engine_reading: EngineReading, budget: Budget, now: float) -> Judgements:
    """Judge all that was read of a robot."""
    services = {reading.name: service(reading, engine_reading.swap_total, now) for reading in readings}
    return Judgements(services, engine(engine_reading, budget), stack(engine_reading, budget))


def worst(verdicts: list[str]) -> str:
    """Return the worst of ``verdicts``; none at all is ok."""
    return max(verdicts, key=("ok", STOPPED, *VERDICTS[1:]).index, default="ok")


def peak(reading: Reading) -> int | None:
    """Return the highest working set seen: now, by earlier looks, and by the robot's own history (bytes)."""
    seen = [reading.remembered_peak or 0, reading.record.peak_bytes]
    if reading.usage:
        seen.append(reading.usage.working_set)
    return max(seen) or None


def service(reading: Reading, swap_total: int, now: float) -> Judgement:
    """Judge one service."""
    if reading.kept_stopped and reading.status not in RUNNING:
        return Judgement(STOPPED, ["it is kept stopped, as robot_stack_stopped_services says"])
    found = [
        *_down(reading),
        *_unlimited(reading, swap_total),
        *_killed(reading, now),
        *_thrashing(reading),
        *_tight(reading),
    ]
    return Judgement(worst([j.verdict for j in found]), [reason for j in found for reason in j.reasons])


def _down(reading: Reading) -> list[Judgement]:
    if reading.status != "running":
        why = f": {reading.cause}" if reading.cause else ""
        return [Judgement("down", [f"its container {BECAME.get(reading.status, f'is {reading.status}')}{why}"])]
    return [Judgement("down", [f"it is not healthy: {reading.healthy}"])] if reading.healthy else []


def _unlimited(reading: Reading, swap_total: int) -> list[Judgement]:
    if reading.limits is None:
        return [] if reading.status != "running" else [Judgement("unlimited", ["its cgroup cannot be read"])]
    reasons = []
    declared = f"{mib_of(reading.declared_limit)} MiB"
    if reading.limits.memory != reading.declared_limit:
        shown = "none" if reading.limits.memory is None else f"{mib_of(reading.limits.memory)} MiB"
        reasons.append(f"the kernel's limit is {shown}, declared are {declared}")
    elif reading.smallest[0] != reading.declared_limit:
        reasons.append(f"{reading.smallest[1]} limits it to {mib_of(reading.smallest[0])} MiB, declared are {declared}")
    if swap_total and reading.limits.swap != 0:
        shown = "unlimited" if reading.limits.swap is None else f"{mib_of(reading.limits.swap)} MiB"
        shown = shown if reading.limits.swap_accounted else "not accounted"
        reasons.append(f"swap is {shown}, it must be 0")
    if not reading.below_ceiling:
        reasons.append(f"it runs in {reading.path}, outside the stack's ceiling")
    if reading.evidence is not None and abs(reading.evidence - reading.declared_limit) > EVIDENCE_TOLERANCE:
        reasons.append(f"it believes in {mib_of(int(reading.evidence))} MiB, declared are {declared}")
    return [Judgement("unlimited", reasons)] if reasons else []


def _killed(reading: Reading, now: float) -> list[Judgement]:
    record = reading.record
    if not record.last_failure_at or abs(now - record.last_failure_at) >= KILLED_SECONDS:
        return []
    counts = (
        (record.oom_kills, "OOM-killed"),
        (record.restarts, "ended unasked"),
        (record.hangs, "hung"),
        (record.starts, "found stopped"),
    )
    told = ", ".join(f"{words} {count} time{'s' * (count > 1)}" for count, words in counts if count)
    return [Judgement("killed", [f"{record.last_failure} (since it was deployed: {told})"])]


def _thrashing(reading: Reading) -> list[Judgement]:
    rate = reading.faults_per_minute
    reasons = []
    if rate is not None and rate > MAJOR_FAULTS_PER_MINUTE:
        reasons.append(f"{rate:g} major faults a minute, {MAJOR_FAULTS_PER_MINUTE:g} are accepted")
    stalled = reading.usage.stalled_percent if reading.usage else None
    if stalled is not None and stalled > STALLED_PERCENT:
        reasons.append(f"it waited for memory in {stalled:g} % of the last minute")
    return [Judgement("thrashing", reasons)] if reasons else []


def _tight(reading: Reading) -> list[Judgement]:
    """What can be reclaimed is no worry: a healthy database fills its limit with page cache."""
    held = reading.usage.unreclaimable if reading.usage else 0
    if held < TIGHT_SHARE * reading.declared_limit:
        return []
    return [Judgement("tight", [f"{mib_of(held)} of {mib_of(reading.declared_limit)} MiB cannot be reclaimed"])]


def engine(reading: EngineReading, budget: Budget) -> Judgement:
    """Judge the engine: what it holds that cannot be reclaimed, against its allowance."""
    held = engine_unreclaimable(reading)
    allowance = bytes_of(budget.engine_memory_allowance_mib)
    if held is not None and held > allowance:
        return Judgement(
            "over budget", [f"the engine holds {mib_of(held)} MiB, its allowance is {mib_of(allowance)} MiB"]
        )
    return Judgement("ok")


def engine_unreclaimable(reading: EngineReading) -> int | None:
    """Return the engine's share that cannot be given back: of its slice, or of its processes where it has none."""
    if reading.usage and reading.usage.current:
        return reading.usage.unreclaimable
    return reading.share.anonymous if reading.share else None


def stack(reading: EngineReading, budget: Budget) -> Judgement:
    """Judge the ceiling over everything: the kernel must have it, and what is held must fit below it."""
    wanted = bytes_of(budget.memory_budget_mib)
    if reading.limit_of_stack != wanted:
        shown = "none" if reading.limit_of_stack is None else f"{mib_of(reading.limit_of_stack)} MiB"
        return Judgement("unlimited", [f"the ceiling over the stack is {shown}, declared are {mib_of(wanted)} MiB"])
    held = held_by_stack(reading)
    if held is not None and held > wanted:
        return Judgement("over budget", [f"engine and services hold {mib_of(held)} MiB of {mib_of(wanted)} MiB"])
    return Judgement("ok")


def held_by_stack(reading: EngineReading) -> int | None:
    """Return what engine and services hold that cannot be reclaimed, in bytes; None where no slice could be read."""
    return reading.stack_usage.unreclaimable + _outside_the_ceiling(reading) if reading.stack_usage else None


def used_by_stack(reading: EngineReading) -> int | None:
    """Return the working set below the ceiling, and what an engine outside it holds, in bytes."""
    return reading.stack_usage.working_set + _outside_the_ceiling(reading) if reading.stack_usage else None


def _outside_the_ceiling(reading: EngineReading) -> int:
    """An engine that was there before stands outside the ceiling, and counts all the same."""
    below = reading.inside or (reading.usage and reading.usage.current)
    return reading.share.anonymous if reading.share and not below else 0
