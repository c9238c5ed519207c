"""Decides after each wave of a rollout, on the controller: who is judged, and whether the rollout goes on.

It reads what the robots of the wave have answered (the variable `robot_stack_result` of each), once for all of them,
and keeps what became of them in the controller's fact `rollout`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.robotfleet.stack.plugins.plugin_utils.console import tell
from ansible_collections.robotfleet.stack.plugins.plugin_utils.rollout import gate, verdict
from ansible_collections.robotfleet.stack.plugins.plugin_utils.rollout.progress import Progress


class ActionModule(ActionBase):
    """Called once for all robots of a wave.

    `judged`: those that were judged since it was called first; `silent`: those that did not answer before that.
    """

    TRANSFERS_FILES = False
    _VALID_ARGS = frozenset({"judged", "silent"})
    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what is next: `judge`, `soak_seconds`, and `ends`."""
        super().run(tmp, task_vars)
        self._all_together()
        variables = task_vars or {}
        hostvars = variables["hostvars"]
        facts = hostvars["localhost"]["ansible_facts"]
        known = dict(facts["rollout"])
        known.pop("plays")
        progress = Progress.of(known)
        answers = {
            str(name): _answer(hostvars[name].get("robot_stack_result")) for name in variables["ansible_play_batch"]
        }
        judge = self._task.args.get("judged")
        if judge is None:
            decision = gate.answered(progress, answers)
        else:
            decision = gate.judged(progress, answers, list(judge), list(self._task.args.get("silent") or []))
        self._say(progress, decision)
        told = {**decision.progress.told(), "plays": decision.progress.playbook()}
        return {
            "changed": False,
            "judge": decision.judge,
            "silent": list(decision.silent),
            "soak_seconds": progress.soak_seconds if decision.judge else 0,
            "ends": decision.ends,
            "rollout": told,
            "ansible_facts": {"rollout": told},
            **_verdict(decision, facts.get("rollout_common") or {}),
        }

    def _all_together(self) -> None:
        """Refuse a play whose robots do not wait for each other: there this would decide before they have answered."""
        strategy = str(self._task.get_play().strategy)
        if strategy.endswith(("free", "host_pinned")):
            raise AnsibleActionFail(
                f"The strategy of this play is {strategy}: robots do not wait for each other, run_once is ignored, and "
                "no wave could be judged. Write strategy: ansible.builtin.linear into the play."
            )

    def _say(self, progress: Progress, decision: gate.Decision) -> None:
        if decision.judge:
            names = ", ".join(decision.judge)
            soak = f" after {progress.soak_seconds} s" if progress.soak_seconds else ""
            tell(f"wave {progress.wave}: {names} to be judged{soak}")
        elif decision.progress.stopped:
            tell(f"the rollout stops: {decision.progress.stopped}", bad=True)


def _answer(result: Any) -> dict[str, Any]:
    """Return what matters of a module's answer; a robot that was not asked (tags) has none."""
    if not isinstance(result, Mapping):
        return {}
    return {key: result[key] for key in ("changed", "proven", "unreachable", "skipped") if key in result}


def _verdict(decision: gate.Decision, common: Mapping[str, Any]) -> dict[str, Any]:
    """Return the verdict on the canaries, once it is known, where this process has no others.

    Ansible calls `ansible_stats` what AWX hands on to the later nodes of a workflow, as variables.
    """
    if not (decision.progress.only_canaries and decision.ends == "play"):
        return {}
    tags = (tuple(common["tags"][0]), tuple(common["tags"][1]))
    rollout = verdict.Rollout(**{**common, "sizes": tuple(common["sizes"]), "tags": tags})
    found = verdict.of(rollout, decision.progress)
    return {
        "verdict": found,
        "ansible_stats": {"data": {verdict.NAME: found}, "per_host": False, "aggregate": False},
    }
