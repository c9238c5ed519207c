"""The end of a run, for people: what each robot may spend, what it uses, what changed, and who did not answer."""

from __future__ import annotations

from typing import Any

from ansible import constants
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: robot_stack_summary
type: aggregate
short_description: A table of budgets and usage at the end of a run
description:
  - Prints, for every robot that the robot_stack module was run on, each service's limit (as the kernel has it), its
    usage and its verdict, the engine, and the whole stack against its budget.
  - Then what changed on which robot, what was refused and why, and the robots that could not be reached.
requirements:
  - enable it in ansible.cfg (callbacks_enabled)
"""

COLUMNS = ("robot", "service", "limit", "used", "peak", "headroom", "budget", "verdict")
COLOURS = {"ok": constants.COLOR_OK, "tight": constants.COLOR_WARN}


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Collects results while the run goes on, and speaks once, at its end."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "robot_stack_summary"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        """Start with nothing seen."""
        super().__init__()
        self._results: dict[str, dict[str, Any]] = {}
        self._unreachable: set[str] = set()

    def v2_runner_on_ok(self, result: Any) -> None:
        """Remember what a robot answered."""
        self._keep(result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:  # noqa: ARG002 (Ansible passes it)
        """Remember what a robot answered."""
        self._keep(result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """Remember who did not answer."""
        self._unreachable.add(str(result.host.get_name()))

    def v2_playbook_on_stats(self, stats: Any) -> None:  # noqa: ARG002 (Ansible passes it)
        """Print the summary."""
        if not self._results and not self._unreachable:
            return
        table = [row for robot in sorted(self._results) for row in rows(robot, self._results[robot])]
        if table:
            self._display.banner("MEMORY (MiB)")
            for line, verdict in lines(table):
                self._display.display(line, color=COLOURS.get(verdict, constants.COLOR_ERROR) if verdict else None)
        self._display.display("")
        for line in told(self._results, sorted(self._unreachable)):
            self._display.display(line)

    def _keep(self, result: Any) -> None:
        if result.task.action.rsplit(".", 1)[-1] == "robot_stack":
            self._results[str(result.host.get_name())] = dict(result.result)


def rows(robot: str, result: dict[str, Any]) -> list[tuple[str, ...]]:
    """Return the table's rows of one robot: services, engine, stack. None where nothing was measured."""
    if "budget" not in result:
        return []
    found: list[tuple[Any, ...]] = []
    for name, service in sorted((result.get("services") or {}).items()):
        limit, peak = service.get("kernel_limit_mib"), service.get("peak_mib")
        found.append(
            (robot, name, limit, service.get("working_set_mib"), peak, _left(limit, peak), None, service["verdict"])
        )
    engine, budget = result["engine_usage"], result["budget"]
    held, allowance = engine.get("unreclaimable_mib"), engine["allowance_mib"]
    found.append((robot, "engine", allowance, held, None, _left(allowance, held), None, engine["verdict"]))
    ceiling, used = budget.get("slice_limit_mib"), budget.get("slice_working_set_mib")
    declared = float(budget["memory_budget_mib"])
    found.append((robot, "whole stack", ceiling, used, None, _left(ceiling, used), declared, budget["verdict"]))
    return [tuple(_shown(cell) for cell in row) for row in found]


def _left(limit: float | None, used: float | None) -> float | None:
    return None if limit is None or used is None else round(limit - used, 1)


def _shown(cell: Any) -> str:
    if cell is None:
        return "-"
    return f"{cell:.1f}".removesuffix(".0") if isinstance(cell, float) else str(cell)


def lines(table: list[tuple[str, ...]]) -> list[tuple[str, str]]:
    """Return each line of the table with the verdict that colours it; words stand left, numbers right."""
    widths = [max(len(row[index]) for row in [COLUMNS, *table]) for index in range(len(COLUMNS))]

    def line(row: tuple[str, ...]) -> str:
        words = (0, 1, len(COLUMNS) - 1)
        cells = [cell.ljust(w) if i in words else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths))]
        return "  ".join(cells).rstrip()

    shown = [(line(COLUMNS), "")]
    previous = ""
    for row in table:
        name = "" if row[0] == previous else row[0]
        previous = row[0]
        shown.append((line((name, *row[1:])), row[-1]))
    return shown


def told(results: dict[str, dict[str, Any]], unreachable: list[str]) -> list[str]:
    """Return what changed, what was refused, what is wrong and who did not answer, a line each."""
    found = []
    for robot, result in sorted(results.items()):
        verb = "changed" if result.get("changed") and not result.get("failed") else "would change"
        found += [f"{robot} {verb}: {step}" for step in (result.get("plan") or [])]
        found += [f"{robot} refused: {reason}" for reason in (result.get("refusals") or [])]
        judged = [*(result.get("services") or {}).items(), ("engine", result.get("engine_usage") or {})]
        judged.append(("whole stack", result.get("budget") or {}))
        found += [f"{robot} {name}: {why}" for name, row in judged for why in (row.get("reasons") or [])]
        if "budget" in result:
            found.append(f"{robot}: {result['budget']['left_mib']} MiB of its budget are not given to anybody.")
    found += [f"{robot} could not be reached." for robot in unreachable]
    if results and not any(result.get("changed") or result.get("failed") for result in results.values()):
        found.append("Nothing changed.")
    return found
