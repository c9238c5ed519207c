"""The verdict over one service, the engine and the stack. Pure: readings and memory in, a word and reasons out.

The rules, worst first (docs/budget.md explains them to an operator):

down         its container does not run, or its health page does not answer
unlimited    the kernel's limit is not the declared one, or swap, or the ceiling, is not limited
over budget  more is held, not reclaimable, than was declared
killed       the kernel killed it for memory, or it restarted, since it was deployed
thrashing    it lives by reading its own program text back: more than 10 major faults a minute
tight        80 % of the limit or more cannot be reclaimed
ok           none of these
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .readback import EngineReading, Reading
from .spec import Budget
from .state import ServiceMemory
from .units import bytes_of, mib_of

VERDICTS = ("ok", "tight", "thrashing", "killed", "over budget", "unlimited", "down")
FAILING = ("thrashing", "killed", "over budget", "unlimited", "down")
TIGHT_SHARE = 0.8
MAJOR_FAULTS_PER_MINUTE = 10.0
SHORTEST_COUNT_SECONDS = 60.0
STALLED_PERCENT = 10.0
EVIDENCE_TOLERANCE = 4096  # one page


@dataclass(frozen=True)
class Judgement:
    """A verdict and every reason for it."""

    verdict: str
    reasons: list[str] = field(default_factory=list)


def worst(verdicts: list[str]) -> str:
    """Return the worst of ``verdicts``; none at all is ok."""
    return max(verdicts, key=VERDICTS.index, default="ok")


def peak(reading: Reading, memory: ServiceMemory) -> int | None:
    """Return the highest working set seen: now, by earlier runs, and by the robot's own history."""
    seen = [reading.remembered_peak or 0, memory.peak_bytes if memory.container == reading.container else 0]
    if reading.usage:
        seen.append(reading.usage.working_set)
    return max(seen) or None


def faults_per_minute(reading: Reading, memory: ServiceMemory, now: float) -> float | None:
    """Return the major-fault rate since it was last counted; None where that is too short, or another container."""
    elapsed = now - memory.faults_counted_at
    same = memory.container == reading.container and memory.faults_counted_at > 0
    if not reading.usage or not same or elapsed < SHORTEST_COUNT_SECONDS:
        return None
    grown = reading.usage.major_faults - memory.major_faults
    return None if grown < 0 else round(grown * 60.0 / elapsed, 1)  # counted anew: the container restarted


def service(reading: Reading, memory: ServiceMemory, swap_total: int, now: float) -> Judgement:
    """Judge one service."""
    found = [
        *_down(reading),
        *_unlimited(reading, swap_total),
        *_killed(reading),
        *_thrashing(reading, memory, now),
        *_tight(reading),
    ]
    return Judgement(worst([j.verdict for j in found]), [reason for j in found for reason in j.reasons])


def _down(reading: Reading) -> list[Judgement]:
    if reading.status != "running":
        return [Judgement("down", [f"its container is {reading.status}"])]
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


def _killed(reading: Reading) -> list[Judgement]:
    reasons = []
    if reading.oom_killed or (reading.usage and reading.usage.oom_kills):
        reasons.append("the kernel killed it for lack of memory")
    if reading.restarts:
        reasons.append(f"it restarted {reading.restarts} times since it was deployed")
    return [Judgement("killed", reasons)] if reasons else []


def _thrashing(reading: Reading, memory: ServiceMemory, now: float) -> list[Judgement]:
    rate = faults_per_minute(reading, memory, now)
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
    held = reading.stack_usage.unreclaimable if reading.stack_usage else 0
    outside = not (reading.usage and reading.usage.current)
    if outside and reading.share:  # an engine that was there before stands outside the ceiling and counts all the same
        held += reading.share.anonymous
    if held > wanted:
        return Judgement("over budget", [f"engine and services hold {mib_of(held)} MiB of {mib_of(wanted)} MiB"])
    return Judgement("ok")
