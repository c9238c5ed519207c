"""What happened to a service since it was deployed: kills, unasked ends, hangs. Pure: events in, memory out.

The engine's events tell each of them once, on cgroup v1 and v2 alike; the kernel's own counters go with the container
(v1) or the slice (v2), and the engine's flag `OOMKilled` stays true for ever.
Source of the events: https://docs.docker.com/reference/cli/docker/system/events/
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .state import ServiceMemory

OUT_OF_MEMORY = "the kernel killed it for lack of memory"
KILLED = "it ended with exit code 137"
# an end that follows its kill by more than this has a cause of its own
KILL_SECONDS = 10.0
STOP_SIGNALS = ("9", "15", "SIGKILL", "SIGTERM")


@dataclass(frozen=True)
class Event:
    """One thing that the engine saw, `time` in seconds since 1970."""

    time: float
    action: str
    exit_code: str = ""
    signal: str = ""


def events(raw: Iterable[Mapping[str, Any]]) -> tuple[Event, ...]:
    """Return the engine's messages as events, in their order."""
    found = []
    for message in raw:
        attributes = (message.get("Actor") or {}).get("Attributes") or {}
        found.append(
            Event(
                time=message.get("timeNano", 0) / 1e9,
                action=str(message.get("Action", "")),
                exit_code=str(attributes.get("exitCode", "")),
                signal=str(attributes.get("signal", "")),
            )
        )
    return tuple(found)


def after(
    memory: ServiceMemory,
    container: str,
    seen: Iterable[Event],
    engine_restarts: int,
    started_at: float,
    kills_inside: int = 0,
) -> ServiceMemory:
    """Return ``memory`` with everything that happened to ``container`` since the last look.

    ``engine_restarts`` is the engine's own count; it tells of restarts whose events an engine that was itself
    restarted has forgotten. An end that somebody asked for (stop, kill, restart) is none of the service's.
    ``kills_inside`` is how many processes the kernel killed in the container's present cgroup: an event "oom" alone is
    no kill, because cgroup v1 tells every container of it when the limit above them is reached.
    """
    if memory.container != container:
        memory = ServiceMemory(container=container, made=memory.made, deployed_at=started_at)
    told, asked, short = memory.restarts, False, 0.0
    for event in seen:
        if event.action == "kill" and event.signal in STOP_SIGNALS:
            asked = True
        elif event.action == "start":
            asked = False
        elif event.time <= memory.last_failure_at:
            continue
        elif event.action == "oom" and memory.last_failure == KILLED and _soon(memory.last_failure_at, event):
            memory = _killed(memory, event.time)  # the engine may tell of the end before it tells of the cause
        elif event.action == "oom":
            short = event.time
        elif event.action == "die" and not asked:
            memory, short = _ended(memory, event, short), 0.0
    if short and kills_inside:  # a child was killed, and the service runs on
        memory = _killed(memory, short)
    return _forgotten(memory, memory.restarts - told, engine_restarts, started_at)


def _ended(memory: ServiceMemory, event: Event, short: float) -> ServiceMemory:
    """Return ``memory`` with an end that nobody asked for; ``short``: when memory ran out before it, or 0."""
    memory = replace(memory, restarts=memory.restarts + 1)
    if short and event.exit_code == "137" and _soon(short, event):
        return _killed(memory, event.time)
    return replace(memory, last_failure_at=event.time, last_failure=_cause(memory, event))


def _killed(memory: ServiceMemory, at: float) -> ServiceMemory:
    return replace(memory, oom_kills=memory.oom_kills + 1, last_failure_at=at, last_failure=OUT_OF_MEMORY)


def _soon(before: float, event: Event) -> bool:
    return event.time - before < KILL_SECONDS


def hung(memory: ServiceMemory, reason: str, now: float, engine_restarts: int) -> ServiceMemory:
    """Return ``memory`` with one more restart of a service that ran and did not answer.

    What the engine has seen until ``now``, when it has counted ``engine_restarts``, is what the restart did.
    """
    words = f"it ran and did not answer ({reason}): it was restarted"
    return replace(
        memory, hangs=memory.hangs + 1, last_failure_at=now, last_failure=words, engine_restarts=engine_restarts
    )


def _cause(memory: ServiceMemory, event: Event) -> str:
    killed = memory.last_failure == OUT_OF_MEMORY and _soon(memory.last_failure_at, event)
    return OUT_OF_MEMORY if killed and event.exit_code == "137" else f"it ended with exit code {event.exit_code}"


def _forgotten(memory: ServiceMemory, told: int, engine_restarts: int, started_at: float) -> ServiceMemory:
    grown = engine_restarts - memory.engine_restarts
    if grown < 0:  # the engine counts anew after a restart that was asked for
        grown = engine_restarts
    memory = replace(memory, engine_restarts=engine_restarts)
    if grown <= told:
        return memory
    return replace(
        memory,
        restarts=memory.restarts + grown - told,
        last_failure_at=max(memory.last_failure_at, started_at),
        last_failure="it ended and was started again by the engine",
    )
