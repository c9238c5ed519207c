"""Turns readings and judgements into the module's result: plain dicts, sizes in MiB. Pure."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..base.units import mib_of
from ..host.facts import Robot
from ..judge import verdict
from ..judge.readback import EngineReading, Reading
from ..judge.verdict import Judgement, Judgements
from ..plan import limits
from ..plan.observe import Observed
from ..records import job_record
from ..records.shut_out import ShutOut
from ..records.state import State
from ..spec.model import Stack
from ..spec.result import BudgetRow, EngineRow, Result, RobotRow, ServiceRow


def robot(facts: Robot, engine_version: str) -> RobotRow:
    """Return what the robot is."""
    return {
        "architecture": facts.architecture,
        "kernel": facts.kernel,
        "cgroup_version": facts.hierarchy.version,
        "engine_version": engine_version,
        "memory_total_mib": mib_of(facts.memory_total),
        "memory_ceiling_mib": mib_of(facts.memory_ceiling),
        "swap_total_mib": mib_of(facts.swap_total),
        "disk_available_mib": mib_of(facts.disk_available),
    }


def service(reading: Reading, judgement: Judgement) -> ServiceRow:
    """Return one service: what was declared, what the kernel says, what it uses, and the verdict."""
    usage, share, limits = reading.usage, reading.share, reading.limits
    return {
        "status": reading.status,
        "image": reading.image,
        "limit_mib": mib_of(reading.declared_limit),
        "kernel_limit_mib": mib_of(limits.memory) if limits else None,
        "kernel_swap_mib": mib_of(limits.swap) if limits else None,
        "believed_limit_mib": None if reading.evidence is None else mib_of(int(reading.evidence)),
        "working_set_mib": mib_of(usage.working_set) if usage else None,
        "pss_mib": mib_of(share.pss) if share else None,
        "unreclaimable_mib": mib_of(usage.unreclaimable) if usage else None,
        "peak_mib": mib_of(verdict.peak(reading)),
        "restarts": reading.record.restarts,
        "oom_kills": reading.record.oom_kills,
        "hangs": reading.record.hangs,
        "starts": reading.record.starts,
        "major_faults": usage.major_faults if usage else None,
        "major_faults_per_minute": reading.faults_per_minute,
        "cgroup": reading.path,
        "verdict": judgement.verdict,
        "reasons": judgement.reasons,
    }


def engine(reading: EngineReading, stack: Stack, judgement: Judgement) -> EngineRow:
    """Return the engine's row."""
    return {
        "allowance_mib": float(stack.budget.engine_memory_allowance_mib),
        "below_ceiling": reading.inside or bool(reading.usage and reading.usage.current),
        "working_set_mib": mib_of(reading.usage.working_set) if reading.usage and reading.usage.current else None,
        "pss_mib": mib_of(reading.share.pss) if reading.share else None,
        "unreclaimable_mib": mib_of(verdict.engine_unreclaimable(reading)),
        "verdict": judgement.verdict,
        "reasons": judgement.reasons,
    }


def budget(reading: EngineReading, stack: Stack, limits_mib: int, judgement: Judgement) -> BudgetRow:
    """Return the budget: the sum of all limits, the ceiling in the kernel, and what is left."""
    declared = stack.budget
    return {
        "memory_budget_mib": declared.memory_budget_mib,
        "engine_allowance_mib": declared.engine_memory_allowance_mib,
        "limits_mib": limits_mib,
        "left_mib": declared.memory_budget_mib - declared.engine_memory_allowance_mib - limits_mib,
        "slice_limit_mib": mib_of(reading.limit_of_stack),
        "used_mib": mib_of(verdict.used_by_stack(reading)),
        "verdict": judgement.verdict,
        "reasons": judgement.reasons,
    }


def shut_out(found: ShutOut, stack: Stack, now: float) -> list[str]:
    """Return who is shut out of an entry point because of too many series, a line each."""
    declared = next((service.shares for service in stack.services if service.shares.file), None)
    if declared is None:
        return []
    return [
        f"{name} is shut out for {max(1, round((found.users[name].until - now) / 60))} min: it brought "
        f"{found.users[name].series} series in a day, its share are {declared.of(name)}"
        for name in found.names
    ]


@dataclass(frozen=True)
class Backups:
    """A line for each backup that a timer makes; those of which the last one failed once more."""

    told: list[str]
    failed: list[str]


def backups(stack: Stack, root: Path) -> Backups:
    """Return when each database was backed up last, and why the last backup failed."""
    told, failed = [], []
    for job in stack.jobs:
        if job.job.kind != "backup":
            continue
        wrong: list[str] = []
        record = job_record.load(root, job.job.database, wrong)
        if wrong:
            failed.append(f"{job_record.path(root, job.job.database)} {wrong[0]}: the next backup keeps it aside")
            told.append(failed[-1])
            continue
        made = f"the last one was made {_utc(record.success_at)} ({record.words})"
        last = made if record.success_at else "none was made yet"
        if record.failure:
            failed.append(f"the backup of {job.job.database} failed {_utc(record.run_at)}: {record.failure}; {last}")
        told.append(failed[-1] if record.failure else f"backups of {job.job.database}: {last}")
    return Backups(told, failed)


def _utc(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(moment))


def everything(
    stack: Stack, seen: Observed, readings: Sequence[Reading], engine_reading: EngineReading, judged: Judgements
) -> Result:
    """Return the result's measured part."""
    engine_judged, stack_judged = judged.engine or Judgement("ok"), judged.stack or Judgement("ok")
    return {
        "robot": robot(seen.robot, seen.engine.info.version if seen.engine.info else ""),
        "services": {reading.name: service(reading, judged.services[reading.name]) for reading in readings},
        "engine_usage": engine(engine_reading, stack, engine_judged),
        "budget": budget(engine_reading, stack, limits.total(stack, seen), stack_judged),
        "verdict": verdict.worst([one.verdict for one in judged.by_name.values()]),
    }


def remembered(state: State, readings: Sequence[Reading]) -> State:
    """Return ``state`` with this look kept: what happened to each service, and its peak."""
    for reading in readings:
        if reading.container:
            kept = replace(reading.record, peak_bytes=verdict.peak(reading) or 0)
            state = state.with_service(reading.name, kept)
    return state
