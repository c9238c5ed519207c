"""Plans the jobs that a timer starts: their settings, program and units, and that others are there no more. Pure.

What may keep a backup from being made is told before anything is changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..base import files
from ..engine.protocol import unit_of
from ..jobs import setup as jobs_setup
from ..spec.model import Service, Stack
from .actions import DropJob, InstallJob, WriteJobFile
from .observe import Observed
from .step import Step


def make(stack: Stack, job: Service, request: Mapping[str, Any], seen: Observed) -> list[Step]:
    """Return what makes a job as declared; ``request`` is what its container will be made from."""
    steps = []
    wanted = [
        jobs_setup.program(stack),
        jobs_setup.settings(stack, job, request),
        *jobs_setup.unit_files(stack, job, unit_of(seen.driver)),
    ]
    for file in wanted:
        found = seen.found_files.get(file.path)
        if not files.equal(file, found):
            diff = files.difference(file, found)
            steps.append(Step(WriteJobFile(file), job.name, f"write {file.path}", diff))
    words = _why(stack, job, bool(steps), seen)
    return [*steps, Step(InstallJob(), job.name, words)] if words else steps


def _why(stack: Stack, job: Service, rewritten: bool, seen: Observed) -> str:
    timer = seen.units.get(jobs_setup.unit_name(job.name, "timer"))
    starts = job in jobs_setup.timed(stack)
    when = f" ({job.job.calendar})" if starts else ""
    if rewritten:
        return f"have {job.name} done as declared{when}"
    if not starts or timer is None or not timer.there:
        return ""
    if not timer.runs:
        return f"start the timer of {job.name}: {timer.words}"
    return f"start the timer of {job.name} at boot, too: it is {timer.lost_at_boot}" if timer.lost_at_boot else ""


def stale(stack: Stack, seen: Observed) -> list[Step]:
    """Return what takes away the units and settings of jobs that are no longer declared; what they made stays."""
    steps = []
    timed, declared = [one.name for one in jobs_setup.timed(stack)], [one.name for one in stack.jobs]
    for name in filter(stack.in_scope, seen.jobs.names):
        units = [path for path in jobs_setup.unit_paths(name) if path in seen.jobs.units]
        if name in declared and (name in timed or not units):
            continue
        words = f"start {name} no more (its backups stay)" if units else f"forget job {name}"
        steps.append(Step(DropJob(settings=name not in declared), name, words))
    return steps


def reasons(stack: Stack, seen: Observed) -> list[str]:
    """Return what keeps a declared job from doing its work, and what to do."""
    found = []
    for job in stack.jobs:
        objection = seen.jobs.destinations.get(job.name)
        if objection:
            found.append(f"telemetry_hub_backup_destination {job.job.destination}: {objection}")
        why = seen.jobs.calendars.get(job.job.calendar)
        if why:
            found.append(f"telemetry_hub_backup_calendar {job.job.calendar}: {why} (man 7 systemd.time)")
    return found
