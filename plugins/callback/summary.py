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
  - Where several processes divide a run (C(rollout_shard)), it keeps this one's results for C(join.yml), which then
    tells the whole run.
  - Where standard output is read by programs (the callbacks json, minimal and the like) it goes to standard error.
requirements:
  - enable it in ansible.cfg (callbacks_enabled)
"""

from pathlib import Path
from typing import Any

from ansible import constants
from ansible.plugins.callback import CallbackBase
from ansible_collections.robotfleet.stack.plugins.plugin_utils import changes
from ansible_collections.robotfleet.stack.plugins.plugin_utils.answers import printable, shape
from ansible_collections.robotfleet.stack.plugins.plugin_utils.console import banner, show
from ansible_collections.robotfleet.stack.plugins.plugin_utils.rollout import joining
from ansible_collections.robotfleet.stack.plugins.plugin_utils.rollout.keeping import Keeper, NotKeptError
from ansible_collections.robotfleet.stack.plugins.plugin_utils.summary.tables import (
    PLAN_COLUMNS,
    aligned,
    lines,
    plan_parts,
    plan_row,
    rows,
    runs,
)
from ansible_collections.robotfleet.stack.plugins.plugin_utils.summary.words import (
    differences,
    joined,
    reasons,
    records,
    told,
)

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
        self._answered: set[str] = set()  # in this playbook, of several that one command names
        self._unreachable: dict[str, str] = {}  # and the words for it
        self._others = changes.OtherTasks()
        self._keeper = Keeper()
        self._in_waves = False  # and the callback rollout tells who failed in them

    def v2_playbook_on_start(self, playbook: Any) -> None:  # noqa: ARG002 (Ansible passes it)
        """Take no answer to this playbook for what goes on with one to the playbook before it."""
        self._answered.clear()

    def v2_runner_on_ok(self, result: Any) -> None:
        """Remember what a robot answered."""
        self._keep(result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:  # noqa: ARG002 (Ansible passes it)
        """Remember what a robot answered; that it failed is not in the result, but in the name of this event."""
        self._keep(result, failed=True)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """Remember who did not answer."""
        words = str(result.result.get("msg") or "")  # ssh's own, of several lines: the report of a divided run has them
        self._unreachable[str(result.host.get_name())] = printable.line(" ".join(words.split()))

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Print the summary, and keep what a process of a divided run has to keep."""
        if self._results or self._unreachable:
            self._show()
        unwell = {host for count in (stats.failures, stats.dark) for host in count} if stats else set()
        others = (list(self._others.names), self._others.unclear)
        try:
            kept = self._keeper.keep(self._results, self._unreachable, unwell, others)
        except NotKeptError as error:
            show(self._display, f"Warning: {error}", colour=constants.COLOR_WARN)
        else:
            if kept:
                show(self._display, kept)

    def _show(self) -> None:
        planned = {robot: result for robot, result in self._results.items() if result.get("asked") == "planned"}
        done = {robot: result for robot, result in self._results.items() if robot not in planned}
        if planned:
            self._show_plan(planned)
        measured = {**done, **{robot: result for robot, result in planned.items() if runs(result)}}
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
        for line in [*against, *told(done, self._unreachable, self._in_waves)]:
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
        for heading, sentences, colour in plan_parts(planned):
            show(self._display, "")
            show(self._display, heading, colour=colour)
            for sentence in sentences:
                show(self._display, f"  - {sentence}")

    def _keep(self, result: Any, failed: bool = False) -> None:
        self._others.saw(result, failed)
        action = str(result.task.action).rsplit(".", 1)[-1]
        self._keeper.saw(action, result.result)
        self._in_waves = self._in_waves or (action == "rollout_plan" and not result.task.check_mode)
        if action == "rollout_join" and result.result.get("results"):
            whole = joining.of_folder(Path(str(result.result["results"])))
            self._results, self._unreachable = whole.answers, whole.unreachable
            self._in_waves = bool(whole.rollouts)
            for part in whole.parts:
                self._others.add(part.others, part.unclear)
            self._others.add([], not whole.complete)
        if action == "robot_stack":
            robot = str(result.host.get_name())
            # Also what Ansible made of a failure, with whatever words the robot put into it.
            answer = shape.read("robot_stack", result.result)
            now = {**answer, "failed": failed or bool(answer.get("failed"))}
            self._results[robot] = joined(self._results[robot] if robot in self._answered else None, now)
            self._answered.add(robot)
