"""Reads back what is true after (or without) a change: limits and usage of the processes that really run."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Callable

from ..ask import http
from ..base.roots import Roots
from ..base.units import bytes_of
from ..engine.protocol import Engine, Event, FoundContainer, name_of
from ..host import cgroup, procfs, systemd
from ..records import failure_history, samples
from ..records.state import ServiceRecord
from ..spec.model import Service, Stack

ENDING = "ending"  # a container whose process ended while it was read
ATTEMPTS = 5  # what ends more often than it can be read is told by the next look


@dataclass(frozen=True)
class Reading:
    """What is true of one service. Sizes in bytes; None: could not be read, or there is none."""

    name: str
    declared_limit: int
    status: str = "absent"
    kept_stopped: bool = False  # on purpose, as declared
    image: str = ""
    container: str = ""
    started_at: float = 0.0
    age: float | None = None  # seconds since its process was started, by no clock
    path: str = ""
    limits: cgroup.Limits | None = None
    smallest: tuple[int | None, str] = (None, "")
    usage: cgroup.Usage | None = None
    share: procfs.Share | None = None
    record: ServiceRecord = field(default_factory=ServiceRecord)  # what happened to it, this look included
    faults_per_minute: float | None = None
    sampled: tuple[samples.Sample, ...] = ()  # its last minutes, this look last
    kernel_kills: int = 0  # the kernel's count of kills in its slice, before anything else was read
    below_ceiling: bool = False
    evidence: float | None = None
    healthy: str | None = None  # None: it is, else why not
    cause: str = ""  # why its container ended, where it does not run and its log says so
    remembered_peak: int | None = None  # from the robot's own history of working sets
    delayed: bool = False  # after its next end the engine will start it late, because it has ended before

    def ran(self, now: float) -> float:
        """Return for how many seconds its process has run, by no clock where the robot tells.

        A robot without a battery for its clock sets it some time after its boot, and that makes nobody older.
        """
        return now - self.started_at if self.age is None else self.age


@dataclass(frozen=True)
class EngineReading:
    """What the engine's processes hold, and whether they are below the ceiling."""

    share: procfs.Share | None
    usage: cgroup.Usage | None
    limit_of_stack: int | None
    stack_usage: cgroup.Usage | None
    swap_total: int
    inside: bool = False  # below the ceiling wherever its processes are, each beside its container


@dataclass(frozen=True)
class Known:
    """What earlier looks at a service left behind, and the time of this one (seconds since 1970)."""

    record: ServiceRecord
    recent: samples.Recent
    now: float


def service(
    stack: Stack, declared: Service, engine: Engine, roots: Roots, hierarchy: cgroup.Hierarchy, known: Known
) -> Reading:
    """Read one service back: its container's own process in the kernel, its answer over HTTP, what happened to it."""
    limit, stopped = bytes_of(declared.memory_limit_mib), stack.keeps_stopped(declared.name)
    slice_path = systemd.slice_cgroup(stack.budget.slice, declared.name)
    kernel_kills = cgroup.kills(hierarchy, slice_path) or 0
    found = engine.inspect(name_of(declared.name))
    if found is None:
        return Reading(declared.name, limit, kept_stopped=stopped, kernel_kills=kernel_kills)
    path = cgroup.path_of(found.pid, roots.proc, hierarchy) if found.pid else None
    usage = cgroup.usage(hierarchy, path) if path else None
    status = found.status
    if status == "running" and found.pid and procfs.ended(found.pid, roots.proc):
        # on its way out a process is in the root of all cgroups, whose figures are the whole robot's and not its own
        path, usage, status = None, None, ENDING
    base = Reading(
        declared.name,
        limit,
        status=status,
        kept_stopped=stopped,
        image=found.image_name,
        container=found.id,
        started_at=found.started_at,
        age=procfs.age(found.pid, roots.proc) if found.pid else None,
        record=_happened(
            found,
            engine,
            known,
            usage.oom_kills if usage else 0,
            lambda: _grown(known.recent.kernel_kills, cgroup.kills(hierarchy, slice_path) or 0),
        ),
        usage=usage,
        kernel_kills=kernel_kills,
        delayed=found.delayed,
    )
    if path is None or status != "running":
        return base
    reading = _running(stack, declared, base, path, roots, hierarchy, known)
    return replace(base, status=ENDING, usage=None) if procfs.ended(found.pid, roots.proc) else reading


def _grown(before: int, now: int) -> int:
    """Return by how much a counter grew; one that is lower than before began anew, with a slice that was made anew."""
    return now - before if now >= before else now


def _happened(
    found: FoundContainer, engine: Engine, known: Known, kills_inside: int, kernel_kills: Callable[[], int]
) -> ServiceRecord:
    past: dict[str, Any] = {name: _past(getattr(known.record, name), known) for name in ("last_failure_at", "asked_at")}
    record = replace(known.record, **past)
    since = record.deployed_at if record.container == found.id else found.created_at
    # from before the last failure on: whether an end was asked for is told by the event before it
    since = max(since, record.last_failure_at - failure_history.KILL_SECONDS)
    now, seen = _consistent(found, engine, since, known.now)
    # the kernel's count is read after the events: a kill whose end they tell is in it
    grown = kernel_kills()
    after = failure_history.after(record, found.id, seen, now.restarts, now.started_at, kills_inside, grown)
    if kills_inside:
        last = known.recent.samples[-1].time if known.recent.samples else 0.0
        after = failure_history.with_child(record, after, grown, (last, max(known.now, time.time())))
    if after.last_failure_at == record.last_failure_at:  # nothing new
        after = replace(after, last_failure_at=known.record.last_failure_at)
    return replace(after, asked_at=known.record.asked_at) if after.asked_at == record.asked_at else after


def _past(at: float, known: Known) -> float:
    """Return a time of ours; a clock that was set back leaves it in the future, and what happens now comes after it.

    That is what happened since the look before, at which it was in the future already.
    """
    if at <= known.now:
        return at
    looks = [sample.time for sample in known.recent.samples if sample.time <= known.now]
    return max(looks, default=known.now)


def _consistent(
    found: FoundContainer, engine: Engine, since: float, now: float
) -> tuple[FoundContainer, tuple[Event, ...]]:
    """Return the engine's count of restarts and its events from the same moment.

    A slow robot's look takes seconds, and what ends meanwhile must not be in the one and lack in the other: it would be
    counted without its cause, or twice.
    """
    seen: tuple[Event, ...] = ()
    for _ in range(ATTEMPTS):
        until = max(now, time.time())
        # a container from the future, by a clock that was set back since: all that is told of it came later
        seen = engine.events(found.id, since if since <= until else 0.0, until)
        again = engine.inspect(found.id) or found
        if again.restarts == found.restarts:
            break
        found = again
    return found, seen


def _running(
    stack: Stack,
    declared: Service,
    base: Reading,
    path: str,
    roots: Roots,
    hierarchy: cgroup.Hierarchy,
    known: Known,
) -> Reading:
    status, page = _ask(declared, declared.probe.evidence_url)
    evidence = http.metric(page, declared.probe.evidence_metric) if status == 200 else None
    health, words = _ask(declared, declared.probe.url) if declared.probe.url else (200, "")
    usage = base.usage
    sample = samples.Sample(known.now, base.started_at, usage.major_faults) if usage else None
    return replace(
        base,
        path=path,
        limits=cgroup.limits(hierarchy, path),
        smallest=cgroup.smallest_limit(hierarchy, path),
        share=procfs.share(cgroup.processes(hierarchy, path), roots.proc),
        faults_per_minute=samples.faults_per_minute(known.recent.samples, sample) if sample else None,
        sampled=(*known.recent.samples, sample) if sample else (),
        below_ceiling=path.startswith(systemd.slice_cgroup(stack.budget.slice, declared.name) + "/"),
        evidence=evidence,
        healthy=None if health == 200 else (f"HTTP {health}" if health else words),
    )


def _ask(declared: Service, url: str) -> tuple[int, str]:
    if not url:
        return 0, ""
    return http.get(url, declared.probe.username, http.password_of(declared))


def engine(
    stack: Stack,
    programs: Sequence[str],
    roots: Roots,
    hierarchy: cgroup.Hierarchy,
    swap_total: int,
    apart: bool = False,
) -> EngineReading:
    """Read the engine's processes, which are called ``programs``, and the stack's ceiling back.

    ``apart``: there is none that works for all containers, but one beside each; those of others do not count.
    """
    parent = stack.budget.slice
    limits = cgroup.limits(hierarchy, f"/{parent}")
    below = systemd.slice_cgroup(parent, "engine")
    where = {pid: cgroup.path_of(pid, roots.proc, hierarchy) or "" for pid in procfs.pids_of(programs, roots.proc)}
    if apart:
        where = {pid: path for pid, path in where.items() if path.startswith(f"/{parent}/")}
    pids, paths = list(where), list(where.values())
    # a slice in which nothing of the engine runs says nothing of it: page cache may be left there
    elsewhere = bool(paths) and not any(path.startswith(f"{below}/") for path in paths)
    return EngineReading(
        share=procfs.share(pids, roots.proc),
        usage=None if elsewhere else cgroup.usage(hierarchy, below),
        limit_of_stack=limits.memory if limits else None,
        stack_usage=cgroup.usage(hierarchy, f"/{parent}"),
        swap_total=swap_total,
        inside=apart,
    )
