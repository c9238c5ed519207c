"""Decides after each wave of a rollout, on the controller: who is judged, and whether the rollout goes on.

It reads what the robots of the wave have answered (the variable `robot_stack_result` of each), once for all of them,
and keeps what became of them in the controller's fact `rollout`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.robotfleet.stack.plugins.plugin_utils.console import tell
from ansible_collections.robotfleet.stack.plugins.plugin_utils.rollout import gate, verdict
from ansible_collections.robotfleet.stack.plugins.plugin_utils.rollout.progress import Progress
from ansible_collections.robotfleet.stack.plugins.plugin_utils.rollout.results import named
from ansible_collections.robotfleet.stack.plugins.plugin_utils.services.scope import WHOLE

# As of a robot that is silent. Ansible can leave hosts out without a word where forks are many (ansible/ansible#82471).
UNASKED: Mapping[str, Any] = {"unreachable": True}


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
        batch = [str(name) for name in variables["ansible_play_batch"]]
        _planned(progress, batch)
        results = {name: hostvars[name].get("robot_stack_result") for name in batch}
        answers = {name: _answer(result, variables.get("ansible_skip_tags") or []) for name, result in results.items()}
        judge = self._task.args.get("judged")
        if judge is None:
            decision = gate.answered(progress, answers)
            forgotten = [name for name, answer in answers.items() if answer is UNASKED]
        else:
            decision = gate.judged(progress, answers, list(judge), list(self._task.args.get("silent") or []))
            forgotten = gate.unjudged(answers, judge)
        self._say(progress, decision, forgotten)
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

    def _say(self, progress: Progress, decision: gate.Decision, forgotten: Sequence[str]) -> None:
        if forgotten:
            names = named(forgotten)
            tell(f"wave {progress.wave}: Ansible has not asked {names}: run again with fewer forks", bad=True)
        if decision.judge:
            names = ", ".join(decision.judge)
            soak = f" after {progress.soak_seconds} s" if progress.soak_seconds else ""
            tell(f"wave {progress.wave}: {names} to be judged{soak}")
        elif decision.progress.stopped:
            tell(f"the rollout stops: {decision.progress.stopped}", bad=True)


def _planned(progress: Progress, batch: Sequence[str]) -> None:
    """Refuse a batch with robots that have their turn in another wave: answers would be taken for those of others."""
    strangers = [name for name in batch if name not in progress.batch]
    if strangers:
        raise AnsibleActionFail(
            f"This batch is not wave {progress.wave} as it was planned: {named(strangers)} should not be in it, but "
            f"{named(progress.batch) or 'nobody'}. What changed in it was not judged, and the rollout goes no "
            "further: the next run of site.yml, by itself, judges it."
        )


def _answer(result: Any, skipped: Collection[str]) -> Mapping[str, Any]:
    """Return what matters of a module's answer; a robot without one was not asked.

    Only tags that are ``skipped`` can be why: for a run's other tags the task itself says that it does nothing.
    """
    if not isinstance(result, Mapping):
        return {} if WHOLE.intersection(skipped) else UNASKED
    return {key: result[key] for key in ("changed", "proven", "unreachable", "begun", "skipped") if key in result}


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
