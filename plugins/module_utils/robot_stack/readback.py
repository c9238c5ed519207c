"""Reads back what is true after (or without) a change: limits and usage of the processes that really run."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import quote

from . import cgroup, container, probe, procfs, systemd
from .engine_api import Engine
from .robot import Roots
from .spec import Service, Stack

LONGEST_HISTORY_SECONDS = 86400


@dataclass(frozen=True)
class Reading:
    """What is true of one service. Sizes in bytes; None: could not be read, or there is none."""

    name: str
    declared_limit: int
    status: str = "absent"
    image: str = ""
    container: str = ""
    started_at: float = 0.0
    path: str = ""
    limits: cgroup.Limits | None = None
    smallest: tuple[int | None, str] = (None, "")
    usage: cgroup.Usage | None = None
    share: procfs.Share | None = None
    restarts: int = 0
    oom_killed: bool = False
    below_ceiling: bool = False
    evidence: float | None = None
    healthy: str | None = None  # None: it is, else why not
    remembered_peak: int | None = None  # from the robot's own history of working sets


@dataclass(frozen=True)
class EngineReading:
    """What the engine's processes hold, and whether they are below the ceiling."""

    share: procfs.Share | None
    usage: cgroup.Usage | None
    limit_of_stack: int | None
    stack_usage: cgroup.Usage | None
    swap_total: int


def service(stack: Stack, declared: Service, engine: Engine, roots: Roots, hierarchy: cgroup.Hierarchy) -> Reading:
    """Read one service back: its container's own process in the kernel, and its answer over HTTP."""
    limit = container.limits(declared)["Memory"]
    inspected = engine.inspect(container.name_of(declared.name))
    if inspected is None:
        return Reading(declared.name, limit)
    now = inspected.get("State") or {}
    base = Reading(
        declared.name,
        limit,
        status=str(now.get("Status", "")),
        image=str((inspected.get("Config") or {}).get("Image", "")),
        container=str(inspected.get("Id", "")),
        started_at=_seconds(str(now.get("StartedAt", ""))),
        restarts=int(inspected.get("RestartCount") or 0),
        oom_killed=bool(now.get("OOMKilled")),
    )
    pid = int(now.get("Pid") or 0)
    path = cgroup.path_of(pid, roots.proc, hierarchy) if pid else None
    return base if path is None else _running(stack, declared, base, path, roots, hierarchy)


def _running(
    stack: Stack, declared: Service, base: Reading, path: str, roots: Roots, hierarchy: cgroup.Hierarchy
) -> Reading:
    status, page = _ask(declared, declared.probe.evidence_url)
    evidence = probe.metric(page, declared.probe.evidence_metric) if status == 200 else None
    health, words = _ask(declared, declared.probe.url) if declared.probe.url else (200, "")
    return replace(
        base,
        path=path,
        limits=cgroup.limits(hierarchy, path),
        smallest=cgroup.smallest_limit(hierarchy, path),
        usage=cgroup.usage(hierarchy, path),
        share=procfs.share(cgroup.processes(hierarchy, path), roots.proc),
        below_ceiling=path.startswith(systemd.slice_cgroup(stack.budget.slice, declared.name) + "/"),
        evidence=evidence,
        healthy=None if health == 200 else (f"HTTP {health}" if health else words),
    )


def _ask(declared: Service, url: str) -> tuple[int, str]:
    if not url:
        return 0, ""
    return probe.get(url, declared.probe.username, probe.password_of(declared))


def engine(stack: Stack, roots: Roots, hierarchy: cgroup.Hierarchy, swap_total: int) -> EngineReading:
    """Read the engine's processes and the stack's ceiling back."""
    parent = stack.budget.slice
    limits = cgroup.limits(hierarchy, f"/{parent}")
    return EngineReading(
        share=procfs.share(procfs.engine_pids(roots.proc), roots.proc),
        usage=cgroup.usage(hierarchy, systemd.slice_cgroup(parent, "engine")),
        limit_of_stack=limits.memory if limits else None,
        stack_usage=cgroup.usage(hierarchy, f"/{parent}"),
        swap_total=swap_total,
    )


def with_peaks(stack: Stack, readings: list[Reading], now: float) -> list[Reading]:
    """Return the readings with each service's highest sampled working set since it started.

    Sampled by the sensor service, kept by the robot's VictoriaMetrics; unknown where there is no such history (yet).
    """
    keeper = next((s for s in stack.services if s.history_url), None)
    if keeper is None:
        return readings
    found = []
    for reading in readings:
        seconds = int(min(LONGEST_HISTORY_SECONDS, max(1.0, now - reading.started_at)))
        query = f'max(max_over_time(container_memory_working_set_bytes{{service="{reading.name}"}}[{seconds}s]))'
        status, answer = _ask(keeper, f"{keeper.history_url}/api/v1/query?query={quote(query)}")
        value = _first_value(answer) if status == 200 else None
        found.append(reading if value is None else replace(reading, remembered_peak=int(value)))
    return found


def _first_value(answer: str) -> float | None:
    try:
        result: Any = json.loads(answer)["data"]["result"]
        return float(result[0]["value"][1]) if result else None
    except (ValueError, KeyError, TypeError, IndexError):
        return None


def _seconds(started: str) -> float:
    """Return the engine's time stamp (RFC 3339, nanoseconds, UTC) as seconds since 1970; 0 where there is none."""
    try:
        moment = datetime.strptime(started[:19] + "+0000", "%Y-%m-%dT%H:%M:%S%z")
    except ValueError:
        return 0.0
    return max(0.0, moment.timestamp())
