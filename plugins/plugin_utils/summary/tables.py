"""The tables at the end of a run: what each robot may spend and uses, and what would be done with it. All in MiB."""

from __future__ import annotations

from typing import Any

from ansible import constants

COLUMNS = ("robot", "service", "limit", "used", "peak", "headroom", "budget", "verdict")
PLAN_COLUMNS = ("robot", "RAM", "reserve", "budget", "engine", "services", "sum", "left", "outcome")


def rows(robot: str, result: dict[str, Any]) -> list[tuple[str, ...]]:
    """Return the table's rows of one robot: services, engine, stack. None where nothing was measured."""
    if result.get("unobserved"):
        return [(robot, "engine", *["-"] * (len(COLUMNS) - 3), "not observed")]
    if "budget" not in result:
        return []
    found: list[tuple[Any, ...]] = []
    for name, service in sorted((result.get("services") or {}).items()):
        limit, peak = service.get("kernel_limit_mib"), service.get("peak_mib")
        used, verdict = service.get("working_set_mib"), service.get("verdict")
        found.append((robot, name, limit, used, peak, _left(limit, peak), None, verdict))
    engine, budget = result.get("engine_usage") or {}, result["budget"]
    held, allowance = engine.get("unreclaimable_mib"), engine.get("allowance_mib")
    found.append((robot, "engine", allowance, held, None, _left(allowance, held), None, engine.get("verdict")))
    ceiling, used = budget.get("slice_limit_mib"), budget.get("used_mib")
    declared, verdict = budget.get("memory_budget_mib"), budget.get("verdict")
    found.append((robot, "whole stack", ceiling, used, None, _left(ceiling, used), declared, verdict))
    return [tuple(_shown(cell) for cell in row) for row in found]


def _left(limit: float | None, used: float | None) -> float | None:
    return None if limit is None or used is None else round(limit - used, 1)


def _shown(cell: Any) -> str:
    if cell is None:
        return "-"
    return f"{cell:.1f}".removesuffix(".0") if isinstance(cell, float) else str(cell)


def lines(table: list[tuple[str, ...]]) -> list[tuple[str, str]]:
    """Return each line of the table with the verdict that colours it; a robot is named once."""
    previous = ""
    named: list[tuple[str, ...]] = [COLUMNS]
    for row in table:
        named.append(("" if row[0] == previous else row[0], *row[1:]))
        previous = row[0]
    return list(zip(aligned(named), ["", *(row[-1] for row in table)]))


def aligned(table: list[tuple[str, ...]]) -> list[str]:
    """Return the lines of a table: words (names, and the last column) stand left, numbers right."""
    widths = [max(map(len, column)) for column in zip(*table)]
    words = {0, 1, len(widths) - 1} if table[0] == COLUMNS else {0, len(widths) - 1}
    cells = ([c.ljust(w) if i in words else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths))] for row in table)
    return ["  ".join(row).rstrip() for row in cells]


def plan_row(robot: str, result: dict[str, Any]) -> tuple[str, ...]:
    """Return a robot's row of the plan: what it has, what the inventory gives to whom, and what would be done."""
    declared, facts = result.get("declared") or {}, result.get("robot") or {}
    budget, engine = declared.get("memory_budget_mib"), declared.get("engine_allowance_mib")
    cells = (facts.get("memory_ceiling_mib"), declared.get("memory_reserve_mib"), budget, engine)
    services = sum((declared.get("limits_mib") or {}).values())
    left = (services, declared.get("sum_mib"), declared.get("left_mib"))
    return (robot, *(_shown(cell) for cell in (*cells, *left)), _outcome(result))


def _outcome(result: dict[str, Any]) -> str:
    steps, refusals = result.get("plan") or [], result.get("refusals") or []
    if refusals:
        return f"refused ({len(refusals)} reason{'s' if len(refusals) > 1 else ''})"
    if result.get("failed"):
        return "failed"
    return f"{len(steps)} step{'s' if len(steps) > 1 else ''}" if steps else "as declared"


def plan_parts(planned: dict[str, dict[str, Any]]) -> list[tuple[str, list[str], str]]:
    """Return headings, their lines and a colour: refusals first; robots with the same lines are told together."""
    found: dict[tuple[bool, tuple[str, ...]], list[str]] = {}
    for robot, result in sorted(planned.items()):
        for refused, lines_ in ((True, result.get("refusals")), (False, result.get("plan"))):
            if lines_:
                found.setdefault((refused, tuple(lines_)), []).append(robot)
    parts = []
    notes: dict[tuple[str, ...], list[str]] = {}
    for robot, result in sorted(planned.items()):
        notes.setdefault(tuple((result.get("declared") or {}).get("notes") or ()), []).append(robot)
    for (refused, lines_), robots in sorted(found.items(), key=lambda item: (not item[0][0], item[1])):
        words = "refused, and left as it is:" if refused else "what would be done:"
        colour = constants.COLOR_ERROR if refused else constants.COLOR_CHANGED
        parts.append((f"{', '.join(robots)}: {words}", list(lines_), colour))
    told_ = ((f"{', '.join(robots)}: what this means:", list(lines_)) for lines_, robots in notes.items() if lines_)
    return [*parts, *((heading, lines_, constants.COLOR_OK) for heading, lines_ in told_)]


def runs(result: dict[str, Any]) -> bool:
    """Whether something of the stack runs already, so that there is something to measure."""
    return any(service.get("kernel_limit_mib") for service in (result.get("services") or {}).values())
