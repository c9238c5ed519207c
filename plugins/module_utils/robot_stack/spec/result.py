"""The module's answer: one definition for those who make it and for those who read it. Sizes in MiB (None: not read).

It travels as plain data. Whoever reads it gets it from a robot, and takes none of its keys or types for granted.
"""

from __future__ import annotations

from typing import Any, TypedDict


class RobotRow(TypedDict):
    """What the robot is."""

    architecture: str
    kernel: str
    cgroup_version: int
    engine_version: str
    memory_total_mib: float | None
    memory_ceiling_mib: float | None
    swap_total_mib: float | None
    disk_available_mib: float | None


class ServiceRow(TypedDict):
    """One service: what was declared, what the kernel says, what it uses, what happened to it, and the verdict."""

    status: str
    image: str
    limit_mib: float | None
    kernel_limit_mib: float | None
    kernel_swap_mib: float | None
    believed_limit_mib: float | None
    working_set_mib: float | None
    pss_mib: float | None
    unreclaimable_mib: float | None
    peak_mib: float | None
    restarts: int
    oom_kills: int
    hangs: int
    starts: int
    major_faults: int | None
    major_faults_per_minute: float | None
    cgroup: str
    verdict: str
    reasons: list[str]


class EngineRow(TypedDict):
    """The engine; outside of the ceiling it has no working set of its own."""

    allowance_mib: float
    below_ceiling: bool
    working_set_mib: float | None
    pss_mib: float | None
    unreclaimable_mib: float | None
    verdict: str
    reasons: list[str]


class BudgetRow(TypedDict):
    """The whole stack: the sum of all limits, the ceiling in the kernel, and what is left."""

    memory_budget_mib: int
    engine_allowance_mib: int
    limits_mib: int
    left_mib: int
    slice_limit_mib: float | None
    used_mib: float | None
    verdict: str
    reasons: list[str]


class DeclaredRow(TypedDict):
    """What the inventory gives to whom."""

    memory_budget_mib: int
    memory_reserve_mib: int
    engine_allowance_mib: int
    limits_mib: dict[str, int]
    notes: list[str]
    sum_mib: int
    left_mib: int


class Result(TypedDict, total=False):
    """The whole answer; which parts there are depends on what was asked and on how far it came."""

    asked: str
    declared: DeclaredRow
    changed: bool
    failed: bool
    msg: str
    plan: list[str]
    diff: list[dict[str, str]]
    refusals: list[str]
    records: list[str]
    unobserved: list[str]
    needs: list[dict[str, Any]]
    robot: RobotRow
    services: dict[str, ServiceRow]
    engine_usage: EngineRow
    budget: BudgetRow
    shut_out: list[str]
    backups: list[str]
    verdict: str
    proven: bool
    fresh: list[str]
    objections: list[str]
    rolled_back: list[str]
    causes: list[str]
    disk: dict[str, Any]
    history: dict[str, Any]
