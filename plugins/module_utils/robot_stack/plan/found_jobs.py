"""The jobs as they were found: their names, their units, what keeps a declared one from its work. Reading only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..base.roots import Roots
from ..host import calendar, disk_space, mounts
from ..host.systemd import Run
from ..jobs import destination
from ..jobs import setup as jobs_setup
from ..spec.model import Service, Stack


@dataclass(frozen=True)
class FoundJobs:
    """Everything about the jobs of a computer, declared or not."""

    names: list[str] = field(default_factory=list)  # of jobs that have settings or units here
    units: list[str] = field(default_factory=list)  # paths of their units
    destinations: Mapping[str, str] = field(default_factory=dict)  # by job: why nothing can be written there
    calendars: Mapping[str, str] = field(default_factory=dict)  # what systemd has against one
    backed_up: Mapping[str, int] = field(default_factory=dict)  # by job: bytes of the backups in its folder
    disks: Mapping[str, disk_space.Disk] = field(default_factory=dict)  # by folder of backups


def find(stack: Stack, roots: Roots, run: Run | None) -> FoundJobs:
    """Look at the jobs; where there are none, and never were, that costs nothing."""
    names = jobs_setup.found(stack, roots)
    units = [path for name in names for path in jobs_setup.unit_paths(name) if roots.path(path).exists()]
    if not stack.jobs:
        return FoundJobs(names=names, units=units)
    folders = {job.name: job.job for job in stack.jobs if job.job.folder}
    return FoundJobs(
        names,
        units,
        {job.name: _objection(job, roots) for job in stack.jobs},
        {job.job.calendar: calendar.objection(job.job.calendar, run) for job in jobs_setup.timed(stack)},
        {name: disk_space.used(roots.path(f"{job.folder}/{job.place}")) for name, job in folders.items()},
        {job.folder: disk_space.of(roots.path(job.folder)) for job in folders.values()},
    )


def _objection(job: Service, roots: Roots) -> str:
    """Return why no backup can be written, or would not stay; "" where it would, or where nobody can look."""
    why = destination.Destination(job.job, job.uid_gid, roots).objection()
    if why or not job.job.folder:
        return why
    ram = ", ".join(mounts.forgetful([job.job.folder], roots))
    words = "keeps what is written in RAM, and backups would be gone after the next start: mount a disk there"
    return f"{ram} {words}" if ram else ""
