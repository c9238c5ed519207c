"""Whether a run changed anything: the last sentence of its summary."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from .answers import printable

MOST_NAMES = 5
LONGEST_NAME = 80
JUDGES = ("assert", "fail", "rollout_join")  # whose failures change nothing
OURS = "robot_stack"
Answers = Mapping[str, Mapping[str, Any]]  # by robot


class OtherTasks:
    """What tasks other than robot_stack said of changes; in check mode they change nothing, whatever they say."""

    def __init__(self) -> None:
        """Start with nothing seen."""
        self._names: dict[str, None] = {}
        self.unclear = False  # one failed, or a process has not ended: what it had done until then is not known

    @property
    def names(self) -> Sequence[str]:
        """The names of those that changed something, in their order."""
        return list(self._names)

    def add(self, names: Collection[str], unclear: bool) -> None:
        """Remember what another process has seen of its tasks."""
        self._names.update(dict.fromkeys(names))
        self.unclear = self.unclear or unclear

    def saw(self, result: Any, failed: bool = False) -> None:
        """Remember what a task said (Ansible's CallbackTaskResult)."""
        action = str(result.task.action).rsplit(".", 1)[-1]
        if action == OURS or result.task.check_mode:
            return
        if result.is_changed():
            self._names[printable.line(str(result.task.get_name()).strip(), LONGEST_NAME)] = None
        elif failed and action not in JUDGES:
            self.unclear = True


def told(planned: Answers, done: Answers, unreachable: Collection[str], others: OtherTasks) -> list[str]:
    """Return the sentence, if there is one, after what robot_stack answered to a plan, and to everything else."""
    changed = any(result.get("changed") for result in done.values())
    failed = any(result.get("failed") for result in done.values())
    settled = bool(done) and not changed and not failed
    if others.names:
        words = "No stack changed; other tasks" if settled and not (unreachable or others.unclear) else "Other tasks"
        return [f"{words} changed something: {_listed(others.names)}."]
    if others.unclear or changed:
        return []
    if planned:
        return ["Nothing was changed."]
    if not settled:
        return []
    return ["Nothing changed on those that answered." if unreachable else "Nothing changed."]


def _listed(names: Sequence[str]) -> str:
    left = len(names) - MOST_NAMES
    return "; ".join([*names[:MOST_NAMES], *([f"and {left} more"] if left > 0 else [])])
