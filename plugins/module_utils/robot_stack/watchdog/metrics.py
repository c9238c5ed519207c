"""What the watchdog saw, as a page of metrics for the sensor service's `textfile` collector. Pure.

Format: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format. Beside
the verdicts are the numbers that `judge` judges: for people, and for the alerts of a hub.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..base.units import bytes_of
from ..judge import verdict
from ..judge.readback import EngineReading, Reading
from ..spec.model import Budget

FILE = "metrics/robot_stack.prom"

_VERDICT = "0 ok, 1 tight, 2 thrashing, 3 killed, 4 over budget, 5 unlimited, 6 down."
# name, type, help
_SERVICE = (
    ("robot_stack_service_up", "gauge", "1: its container runs and its health page answers."),
    ("robot_stack_service_verdict", "gauge", _VERDICT),
    ("robot_stack_service_memory_limit_declared_bytes", "gauge", "Limit that the inventory declares."),
    (
        "robot_stack_service_memory_limit_effective_bytes",
        "gauge",
        "Smallest limit on its way to the root of the cgroups; 0: none, or outside the stack's ceiling.",
    ),
    ("robot_stack_service_swap_limit_bytes", "gauge", "Swap that it may use; -1: no limit. Absent without swap."),
    ("robot_stack_service_memory_pss_bytes", "gauge", "Proportional set size, program text included."),
    ("robot_stack_service_memory_unreclaimable_bytes", "gauge", "Anonymous and kernel memory."),
    ("robot_stack_service_major_faults_per_minute", "gauge", "Over the last five minutes. Absent for the first."),
    ("robot_stack_service_memory_stalled_percent", "gauge", "Time waited for memory in the last minute (cgroup v2)."),
    ("robot_stack_service_oom_kills_total", "counter", "Times the kernel killed it for memory since deployed."),
    ("robot_stack_service_restarts_total", "counter", "Times it ended without being asked to since deployed."),
    ("robot_stack_service_hangs_total", "counter", "Times it ran, did not answer and was restarted since deployed."),
    ("robot_stack_service_starts_total", "counter", "Times it was found stopped and was started since deployed."),
    ("robot_stack_service_kept_stopped", "gauge", "1: it does not run, as declared. Absent for one that shall run."),
    (
        "robot_stack_service_last_failure_timestamp_seconds",
        "gauge",
        "When it last was killed, ended or hung since deployed; 0: never.",
    ),
)
_STACK = (
    ("robot_stack_engine_verdict", "gauge", _VERDICT),
    ("robot_stack_stack_verdict", "gauge", _VERDICT),
    ("robot_stack_engine_memory_pss_bytes", "gauge", "Proportional set size of the container engine."),
    ("robot_stack_engine_memory_unreclaimable_bytes", "gauge", "What the engine cannot give back, wherever it runs."),
    ("robot_stack_engine_memory_allowance_bytes", "gauge", "The engine's share of the budget."),
    ("robot_stack_memory_budget_bytes", "gauge", "What engine and services may spend together, as declared."),
    ("robot_stack_memory_ceiling_bytes", "gauge", "The kernel's limit over engine and services; 0: none."),
    ("robot_stack_memory_unreclaimable_bytes", "gauge", "What engine and services cannot give back, together."),
    ("robot_stack_watchdog_last_look_timestamp_seconds", "gauge", "When all this was last looked at."),
)


def text(readings: Iterable[Reading], engine: EngineReading, budget: Budget, now: float) -> str:
    """Return the page. Sizes in bytes, times in seconds since 1970; what could not be read is absent."""
    services = [(reading.name, _service(reading, engine.swap_total, now)) for reading in readings]
    stack = _stack(engine, budget, now)
    lines: list[str] = []
    for name, kind, words in _SERVICE:
        told = [(service, values[name]) for service, values in services if name in values]
        lines += _head(name, kind, words) if told else []
        lines += [f'{name}{{service="{service}"}} {_number(value)}' for service, value in told]
    for name, kind, words in _STACK:
        if name in stack:
            lines += [*_head(name, kind, words), f"{name} {_number(stack[name])}"]
    return "\n".join(lines) + "\n"


def _head(name: str, kind: str, words: str) -> list[str]:
    return [f"# HELP {name} {words}", f"# TYPE {name} {kind}"]


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:.3f}"


def _service(reading: Reading, swap_total: int, now: float) -> dict[str, float]:
    record = reading.record
    found: dict[str, float] = {
        "robot_stack_service_up": float(reading.status == "running" and reading.healthy is None),
        "robot_stack_service_memory_limit_declared_bytes": reading.declared_limit,
        "robot_stack_service_oom_kills_total": record.oom_kills,
        "robot_stack_service_restarts_total": record.restarts,
        "robot_stack_service_hangs_total": record.hangs,
        "robot_stack_service_starts_total": record.starts,
        "robot_stack_service_last_failure_timestamp_seconds": record.last_failure_at,
    }
    judged = verdict.service(reading, swap_total, now).verdict
    if judged in verdict.VERDICTS:
        found["robot_stack_service_verdict"] = verdict.VERDICTS.index(judged)
    if reading.kept_stopped and reading.status not in verdict.RUNNING:  # neither down nor killed: nothing is judged
        found["robot_stack_service_kept_stopped"] = 1
        del found["robot_stack_service_up"], found["robot_stack_service_last_failure_timestamp_seconds"]
    if reading.limits:
        effective = reading.smallest[0] if reading.below_ceiling else 0
        found["robot_stack_service_memory_limit_effective_bytes"] = effective or 0
        if swap_total:
            swap = reading.limits.swap
            found["robot_stack_service_swap_limit_bytes"] = -1 if swap is None else swap
    if reading.share:
        found["robot_stack_service_memory_pss_bytes"] = reading.share.pss
    if reading.usage:
        found["robot_stack_service_memory_unreclaimable_bytes"] = reading.usage.unreclaimable
        if reading.usage.stalled_percent is not None:
            found["robot_stack_service_memory_stalled_percent"] = reading.usage.stalled_percent
    if reading.faults_per_minute is not None:
        found["robot_stack_service_major_faults_per_minute"] = reading.faults_per_minute
    return found


def _stack(engine: EngineReading, budget: Budget, now: float) -> dict[str, float]:
    found: dict[str, float] = {
        "robot_stack_engine_verdict": verdict.VERDICTS.index(verdict.engine(engine, budget).verdict),
        "robot_stack_stack_verdict": verdict.VERDICTS.index(verdict.stack(engine, budget).verdict),
        "robot_stack_engine_memory_allowance_bytes": bytes_of(budget.engine_memory_allowance_mib),
        "robot_stack_memory_budget_bytes": bytes_of(budget.memory_budget_mib),
        "robot_stack_memory_ceiling_bytes": engine.limit_of_stack or 0,
        "robot_stack_watchdog_last_look_timestamp_seconds": now,
    }
    for name, held in (
        ("robot_stack_engine_memory_unreclaimable_bytes", verdict.engine_unreclaimable(engine)),
        ("robot_stack_memory_unreclaimable_bytes", verdict.held_by_stack(engine)),
    ):
        if held is not None:
            found[name] = held
    if engine.share:
        found["robot_stack_engine_memory_pss_bytes"] = engine.share.pss
    return found
