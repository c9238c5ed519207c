"""What happened to a service since it was deployed: kills, unasked ends, hangs. Pure: events in, record out.

The engine's events tell each of them once, on cgroup v1 and v2 alike; the kernel's own counters go with the container
(v1) or the slice (v2), and the engine's flag `OOMKilled` stays true for ever. An end's cause may be told by the kernel
alone: on v2 an engine looks for it in the container's cgroup, which may be gone by then (seen with Docker 26.1: no
event "oom", and a flag that stays false).
Source of the events: https://docs.docker.com/reference/cli/docker/system/events/
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..engine.protocol import Event
from .state import ENDED, FORGOTTEN, HUNG, KILLED, OUT_OF_MEMORY, STOPPED, ServiceRecord

KILL_CODE = "137"  # what ends by SIGKILL has this exit code
# an end that follows its kill by more than this has a cause of its own
KILL_SECONDS = 10.0
STOP_SIGNALS = ("9", "15", "SIGKILL", "SIGTERM")


def after(
    record: ServiceRecord,
    container: str,
    seen: Iterable[Event],
    engine_restarts: int,
    started_at: float,
    kills_inside: int = 0,
    kernel_kills: int = 0,
) -> ServiceRecord:
    """Return ``record`` with everything that happened to ``container`` since the last look.

    ``engine_restarts`` is the engine's own count; it tells of restarts whose events an engine that was itself
    restarted has forgotten. An end that somebody asked for (stop, kill, restart) is none of the service's.
    ``kills_inside`` is how many processes the kernel killed in the container's present cgroup: an event "oom" alone is
    no kill, because cgroup v1 tells every container of it when the limit above them is reached. ``kernel_kills`` is how
    many processes of the service the kernel says that it has killed since the last look; 0 also where it does not say.
    """
    if record.container != container:
        record = ServiceRecord(container=container, made=record.made, deployed_at=started_at)
    told, asked, short = record.restarts, False, 0.0
    counted, unexplained = record.oom_kills, 0
    for event in seen:
        if event.action == "kill" and event.signal in STOP_SIGNALS:
            asked = True
        elif event.action == "start":
            asked = False
        elif event.time <= max(record.last_failure_at, record.asked_at):
            continue
        elif event.action == "oom" and record.cause == KILLED and _soon(record.last_failure_at, event):
            record = _killed(record, event.time)  # the engine may tell of the end before it tells of the cause
            unexplained -= 1
        elif event.action == "oom":
            short = event.time
        elif event.action == "die" and not asked:
            record, short = _ended(record, event, short), 0.0
            unexplained += record.cause == KILLED
    record = _explained(record, min(unexplained, kernel_kills - (record.oom_kills - counted)))
    if short and kills_inside:  # a child was killed, and the service runs on
        record = _killed(record, short)
    return _forgotten(record, record.restarts - told, engine_restarts, started_at)


def with_child(
    before: ServiceRecord, record: ServiceRecord, kernel_kills: int, looks: tuple[float, float]
) -> ServiceRecord:
    """Return ``record``, which ``before`` has become, with the kill of a child of which the engine told nothing.

    ``kernel_kills`` is how many processes of the service the kernel has killed between ``looks``, the last one at it
    (0: there was none, and nobody knows since when) and this one; its container has kills in its present cgroup.
    """
    last, now = looks
    told = before.oom_kills if before.container == record.container else 0
    # somebody who looked in between has told of it
    known = before.cause == OUT_OF_MEMORY and before.last_failure_at > last
    if not last or known or kernel_kills <= record.oom_kills - told:
        return record
    return _killed(record, now)


def _ended(record: ServiceRecord, event: Event, short: float) -> ServiceRecord:
    """Return ``record`` with an end that nobody asked for; ``short``: when memory ran out before it, or 0."""
    record = replace(record, restarts=record.restarts + 1)
    if short and event.exit_code == KILL_CODE and _soon(short, event):
        return _killed(record, event.time)
    killed = record.cause == OUT_OF_MEMORY and _soon(record.last_failure_at, event)
    if killed and event.exit_code == KILL_CODE:  # the end of what the kernel killed a moment ago
        return replace(record, last_failure_at=event.time)
    cause = KILLED if event.exit_code == KILL_CODE else ENDED
    return failed(record, event.time, cause, f"it ended with exit code {event.exit_code}")


def failed(record: ServiceRecord, at: float, cause: str, words: str) -> ServiceRecord:
    """Return ``record`` with its last failure, for a program (``cause``) and for people."""
    return replace(record, last_failure_at=at, cause=cause, last_failure=words)


def _killed(record: ServiceRecord, at: float) -> ServiceRecord:
    record = replace(record, oom_kills=record.oom_kills + 1)
    return failed(record, at, OUT_OF_MEMORY, "the kernel killed it for lack of memory")


def _explained(record: ServiceRecord, ends: int) -> ServiceRecord:
    """Return ``record`` with so many ends, of which the engine gave no cause, as kills for lack of memory."""
    if ends <= 0:
        return record
    if record.cause != KILLED:  # what came last has a cause of its own
        return replace(record, oom_kills=record.oom_kills + ends)
    return _killed(replace(record, oom_kills=record.oom_kills + ends - 1), record.last_failure_at)


def _soon(before: float, event: Event) -> bool:
    return event.time - before < KILL_SECONDS


def hung(record: ServiceRecord, reason: str, now: float, engine_restarts: int) -> ServiceRecord:
    """Return ``record`` with one more restart of a service that ran and did not answer.

    What the engine has seen until ``now``, when it has counted ``engine_restarts``, is what the restart did.
    """
    words = f"it ran and did not answer ({reason}): it was restarted"
    record = replace(record, hangs=record.hangs + 1, engine_restarts=engine_restarts)
    return failed(record, now, HUNG, words)


def restarted(record: ServiceRecord, now: float, engine_restarts: int) -> ServiceRecord:
    """Return ``record`` after a restart that the watchdog wanted, and that is no failure of the service's.

    What the engine has seen until ``now``, when it has counted ``engine_restarts``, is what the restart did.
    """
    return replace(record, asked_at=now, engine_restarts=engine_restarts)


def found_stopped(record: ServiceRecord, what: str, now: float, engine_restarts: int) -> ServiceRecord:
    """Return ``record`` with one more start of a service that should have run and was ``what``."""
    words = f"it was {what}, which nobody had declared: it was started"
    record = replace(record, starts=record.starts + 1, engine_restarts=engine_restarts)
    return failed(record, now, STOPPED, words)


def _forgotten(record: ServiceRecord, told: int, engine_restarts: int, started_at: float) -> ServiceRecord:
    grown = engine_restarts - record.engine_restarts
    if grown < 0:  # the engine counts anew after a restart that was asked for
        grown = engine_restarts
    record = replace(record, engine_restarts=engine_restarts)
    if grown <= told:
        return record
    record = replace(record, restarts=record.restarts + grown - told)
    at = max(record.last_failure_at, started_at)
    return failed(record, at, FORGOTTEN, "it ended and was started again by the engine")
