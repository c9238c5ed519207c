"""The end of a rollout, for people: who was rolled back, who is silent, whether it stopped, and who was not reached."""

from __future__ import annotations

DOCUMENTATION = """
name: rollout
type: aggregate
short_description: The outcome of a rollout, at the end of a run
description:
  - Says which robots were refused, failed or were rolled back, which were silent, in which wave the rollout stopped and
    why, and which robots it did not reach. Says nothing where nothing of this happened.
  - Where standard output is read by programs (the callbacks json, minimal and the like) it goes to standard error.
requirements:
  - enable it in ansible.cfg (callbacks_enabled)
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.plugins.callback import CallbackBase
from ansible_collections.robotfleet.stack.plugins.plugin_utils.answers import shape
from ansible_collections.robotfleet.stack.plugins.plugin_utils.console import banner, show
from ansible_collections.robotfleet.stack.plugins.plugin_utils.rollout import joining
from ansible_collections.robotfleet.stack.plugins.plugin_utils.rollout.progress import Progress
from ansible_collections.robotfleet.stack.plugins.plugin_utils.rollout.summary import ending, endings


class CallbackModule(CallbackBase):
    """Collects while the run goes on, and speaks once, at its end."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "robotfleet.stack.rollout"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        """Start with nothing seen."""
        super().__init__()
        self._progress: Progress | None = None
        self._failed: dict[str, Mapping[str, Any]] = {}
        self._joined: joining.Joined | None = None

    def v2_runner_on_ok(self, result: Any) -> None:
        """Remember how far the rollout has come."""
        self._saw_join(result)
        if _action(result).startswith("rollout_") and "rollout" in result.result:
            told = dict(result.result["rollout"])
            told.pop("plays")
            self._progress = Progress.of(told)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:  # noqa: ARG002 (Ansible passes it)
        """Remember which robot failed, and what it said."""
        self._saw_join(result)
        if _action(result) == "robot_stack":
            self._failed[str(result.host.get_name())] = shape.read("robot_stack", result.result)

    def _saw_join(self, result: Any) -> None:
        if _action(result) == "rollout_join" and result.result.get("results"):
            self._joined = joining.of_folder(Path(str(result.result["results"])))

    def v2_playbook_on_stats(self, stats: Any) -> None:  # noqa: ARG002 (Ansible passes it)
        """Print what there is to tell."""
        lines = ending(self._progress, self._failed) if self._progress else []
        if self._joined and self._joined.rollouts:
            lines = endings(self._joined.rollouts, self._joined.failed)
        if lines:
            banner(self._display, "ROLLOUT")
        for line, bad in lines:
            show(self._display, line, colour=constants.COLOR_ERROR if bad else constants.COLOR_CHANGED)


def _action(result: Any) -> str:
    return str(result.task.action).rsplit(".", 1)[-1]
