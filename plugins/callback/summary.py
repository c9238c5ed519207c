"""The end of a run, for people: what each robot may spend, what it uses, what changed, and who did not answer."""

from __future__ import annotations

DOCUMENTATION = """
name: summary
type: aggregate
short_description: A table of budgets and usage at the end of a run
description:
  - Prints, for every robot that the robot_stack module was run on, each service's limit (as the kernel has it), its
    usage and its verdict, the engine, and the whole stack against its budget.
  - Then what changed on which robot, what was refused and why, the robots that could not be reached, and which other
    tasks changed something. C(Nothing changed.) stands there only if nothing did.
  - For a verified robot that differs from its declaration, each difference, with a diff where it is text.
  - Where nothing may change (preflight, check mode), first a table of the plan, with the robot's RAM, its budget and
    how that is shared out, and each robot's steps, or the reasons of its refusal; then what runs now, judged by the
    declaration, so that a limit that would change shows as a difference.
  - Where standard output is read by programs (the callbacks json, minimal and the like) it goes to standard error.
requirements:
  - enable it in ansible.cfg (callbacks_enabled)
"""

import difflib
from typing import Any

from ansible import constants
from ansible.plugins.callback import CallbackBase
from ansible_collections.robotfleet.stack.plugins.plugin_utils import changes
from ansible_collections.robotfleet.stack.plugins.plugin_utils.answers import shape
from ansible_collections.robotfleet.stack.plugins.plugin_utils.console import banner, show

COLUMNS = ("robot", "service", "limit", "used", "peak", "headroom", "budget", "verdict")
PLAN_COLUMNS = ("robot", "RAM", "reserve", "budget", "engine", "services", "sum", "left", "outcome")
MOST_DIFF_LINES = 24
COLOURS = {"ok": constants.COLOR_OK, "stopped": constants.COLOR_WARN, "tight": constants.COLOR_WARN}


class CallbackModule(CallbackBase):
    """Collects results while the run goes on, and speaks once, at its end."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "robotfleet.stack.summary"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        """Start with nothing seen."""
        super().__init__()
        self._results: dict[str, dict[str, Any]] = {}
        self._unreachable: set[str] = set()
        self._others = changes.OtherTasks()

    def v2_runner_on_ok(self, result: Any) -> None:
        """Remember what a robot answered."""
        self._keep(result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:  # noqa: ARG002 (Ansible passes it)
        """Remember what a robot answered; that it failed is not in the result, but in the name of this event."""
        self._keep(result, failed=True)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """Remember who did not answer."""
        self._unreachable.add(str(result.host.get_name()))

    def v2_playbook_on_stats(self, stats: Any) -> None:  # noqa: ARG002 (Ansible passes it)
        """Print the summary."""
        if not self._results and not self._unreachable:
            return
        planned = {robot: result for robot, result in self._results.items() if result.get("asked") == "planned"}
        done = {robot: result for robot, result in self._results.items() if robot not in planned}
        if planned:
            self._show_plan(planned)
        measured = {**done, **{robot: result for robot, result in planned.items() if _runs(result)}}
        table = [row for robot in sorted(measured) for row in rows(robot, measured[robot])]
        if table:
            banner(self._display, "MEMORY (MiB)" if done else "MEMORY NOW, AGAINST WHAT IS DECLARED (MiB)")
            for line, verdict in lines(table):
                show(self._display, line, colour=COLOURS.get(verdict, constants.COLOR_ERROR) if verdict else None)
        self._show_differences(done)
        show(self._display, "")
        running = {robot: result for robot, result in planned.items() if robot in measured}
        against = [line for robot, result in sorted(planned.items()) for line in records(robot, result)]
        against += [line for robot, result in sorted(running.items()) for line in reasons(robot, result)]
        for line in [*against, *told(done, sorted(self._unreachable))]:
            show(self._display, line)
        for line in changes.told(planned, done, self._unreachable, self._others):
            show(self._display, line)

    def _show_differences(self, results: dict[str, dict[str, Any]]) -> None:
        for robot, result in sorted(results.items()):
            lines_ = differences(result)
            if lines_:
                show(self._display, "")
                show(self._display, f"{robot} differs from its declaration:", colour=constants.COLOR_ERROR)
            for line in lines_:
                colour = {"-": constants.COLOR_DIFF_REMOVE, "+": constants.COLOR_DIFF_ADD}.get(line.strip()[:1])
                show(self._display, line, colour=None if line.startswith("  - ") else colour)

    def _show_plan(self, planned: dict[str, dict[str, Any]]) -> None:
        banner(self._display, "PLAN (MiB)")
        table = [plan_row(robot, result) for robot, result in sorted(planned.items())]
        for text in aligned([PLAN_COLUMNS, *table]):
            show(self._display, text)
        for heading, reasons, colour in plan_parts(planned):
            show(self._display, "")
            show(self._display, heading, colour=colour)
            for reason in reasons:
                show(self._display, f"  - {reason}")

    def _keep(self, result: Any, failed: bool = False) -> None:
        self._others.saw(result, failed)
        if result.task.action.rsplit(".", 1)[-1] == "robot_stack":
            robot = str(result.host.get_name())
            # Also what Ansible made of a failure, with whatever words the robot put into it.
            answer = shape.read("robot_stack", result.result)
            now = {**answer, "failed": failed or bool(answer.get("failed"))}
            self._results[robot] = joined(self._results.get(robot), now)


def joined(before: dict[str, Any] | None, now: dict[str, Any]) -> dict[str, Any]:
    """Return a robot's answer; what a rollout changed and then judged is told with the judgement's figures."""
    if before is None or now.get("asked") != "proven":
        return now
    changed = bool(before.get("changed") or now.get("changed"))
    both = [*(before.get("records") or []), *(now.get("records") or [])]
    plan = [*(before.get("plan") or []), *(now.get("plan") or [])]
    return {**now, "plan": plan, "changed": changed, **({"records": list(dict.fromkeys(both))} if both else {})}


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


def _runs(result: dict[str, Any]) -> bool:
    """Whether something of the stack runs already, so that there is something to measure."""
    return any(service.get("kernel_limit_mib") for service in (result.get("services") or {}).values())


def differences(result: dict[str, Any]) -> list[str]:
    """Return what a verified robot differs in: first in words, then text as a diff (- what is there, + as declared)."""
    if result.get("asked") != "verified":
        return []
    found = [f"  - {step}" for step in result.get("plan") or []]
    for diff in result.get("diff") or []:
        before, after = (str(diff.get(side) or "").splitlines() for side in ("before", "after"))
        changed = list(difflib.unified_diff(before, after, n=0, lineterm=""))[2:]
        found += [f"    {diff.get('after_header')}"] if changed else []
        found += [f"      {line}" for line in changed[:MOST_DIFF_LINES] if not line.startswith("@@")]
        left = len(changed) - MOST_DIFF_LINES
        found += [f"      ... and {left} lines more: site.yml --check --diff shows them"] if left > 0 else []
    return found


def reasons(robot: str, result: dict[str, Any]) -> list[str]:
    """Return why each verdict of a robot's that is not ok is what it is, a line each."""
    judged = [*(result.get("services") or {}).items(), ("engine", result.get("engine_usage") or {})]
    judged.append(("whole stack", result.get("budget") or {}))
    return [f"{robot} {name}: {why}" for name, row in judged for why in (row.get("reasons") or [])]


def records(robot: str, result: dict[str, Any]) -> list[str]:
    """Return what of our own files on a robot could not be believed, a line each."""
    return [f"{robot}: {sentence}" for sentence in result.get("records") or []]


def unobserved(result: dict[str, Any]) -> list[str]:
    """Return why a robot could not be observed, where that is not among the reasons of its refusal already."""
    return [why for why in result.get("unobserved") or [] if why not in (result.get("refusals") or [])]


def told(results: dict[str, dict[str, Any]], unreachable: list[str]) -> list[str]:
    """Return what changed, what was refused, what is wrong and who did not answer, a line each."""
    found = []
    for robot, result in sorted(results.items()):
        verb = "changed" if result.get("changed") else "would change"
        steps = [] if result.get("asked") == "verified" else result.get("plan") or []
        found += [f"{robot} {verb}: {step}" for step in steps]
        found += [f"{robot} refused: {reason}" for reason in (result.get("refusals") or [])]
        found += records(robot, result)
        found += [f"{robot}: {sentence}" for sentence in result.get("shut_out") or []]
        found += [f"{robot}: {sentence}" for sentence in result.get("backups") or []]
        found += [f"{robot} could not be observed: {why}" for why in unobserved(result)]
        found += reasons(robot, result)
        if "budget" in result:
            left = result["budget"].get("left_mib")
            told = f"{left} MiB of its budget are unassigned" if left else "its whole budget is assigned"
            found += [f"{robot}: {told}."] if left is not None else []
        if (result.get("engine_usage") or {}).get("below_ceiling") is False:
            found.append(f"{robot}: its engine is outside the ceiling: its memory is counted, not capped.")
    return found + [f"{robot} could not be reached." for robot in unreachable]
