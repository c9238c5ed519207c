"""Plans a rollout on the controller: which robot when, and which of them are this process' own. No robot is contacted.

The plan is the fact `rollout` of the controller (the task delegates its facts to it), so that the plays that follow can
take their hosts and batches from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from ansible import constants
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.robotfleet.stack.plugins.plugin_utils import operator
from ansible_collections.robotfleet.stack.plugins.plugin_utils.console import tell
from ansible_collections.robotfleet.stack.plugins.plugin_utils.rollout import common, shards, verdict
from ansible_collections.robotfleet.stack.plugins.plugin_utils.rollout.division import Division
from ansible_collections.robotfleet.stack.plugins.plugin_utils.rollout.joining import ROLLOUT
from ansible_collections.robotfleet.stack.plugins.plugin_utils.rollout.progress import Progress
from ansible_collections.robotfleet.stack.plugins.plugin_utils.rollout.results import named
from ansible_collections.robotfleet.stack.plugins.plugin_utils.rollout.waves import ordered, sizes


class PlanError(AnsibleActionFail):
    """A refusal: its message is the whole answer, and is shown once."""

    omit_exception_key = True


class ActionModule(ActionBase):
    """Called once for all robots of the play."""

    TRANSFERS_FILES = False
    _VALID_ARGS = frozenset(
        {
            *("waves", "canaries", "soak_seconds", "max_failures"),
            *("shard", "run", "results_directory", "canaries_verdict"),
        }
    )
    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the plan."""
        super().run(tmp, task_vars)
        variables, args = task_vars or {}, self._task.args
        robots, lost = _robots(variables)
        canaries = self._canaries(str(args.get("canaries") or ""), variables.get("groups") or {})
        progress = Progress(
            hosts=tuple(ordered(robots, canaries)),
            sizes=tuple(sizes(args["waves"], len(robots))),
            max_failures=int(args["max_failures"]),
            soak_seconds=int(args["soak_seconds"]),
        )
        try:
            division = Division.of(args, variables, constants.CALLBACKS_ENABLED)
            if division is not None:
                _undiminished(lost)
                return self._part(division, progress, variables)
        except shards.ShardError as error:
            raise PlanError(str(error)) from error
        if self._task.check_mode:
            progress = replace(progress, sizes=(len(robots),), check=True)
        if lost:
            tell(f"{named(lost)}: in no wave: failed or could not be reached earlier in this run", bad=True)
        return _told(progress)

    def _part(self, division: Division, progress: Progress, variables: Mapping[str, Any]) -> dict[str, Any]:
        """Return this process' part of the plan, and begin its results. Raises `ShardError`."""
        fleet, shard = progress.hosts, division.shard
        alike = common.found(division.run, fleet, progress.sizes, variables)
        token = ""
        if self._task.check_mode:
            mine = shards.asked(progress, shard)
        elif shard.of:
            raw, where = division.verdict(self._task.args.get("canaries_verdict"))
            passed, token = verdict.after(raw, where, alike, progress)
            mine = shards.after_canaries(passed, shard)
        else:
            mine = replace(progress, only_canaries=True)
        own: Sequence[str] = mine.hosts if shard.of or mine.check else fleet[: progress.sizes[0]]
        attempt = division.begin(ROLLOUT, fleet, own, operator.told(), alike, self._task.check_mode, token)
        told = _told(mine)
        told["ansible_facts"]["rollout_common"] = asdict(alike)
        return {**told, "results": str(division.path), "attempt": attempt}

    def _canaries(self, group: str, groups: dict[str, list[str]]) -> list[str]:
        if group and group not in groups:
            known = ", ".join(sorted(name for name in groups if name not in ("all", "ungrouped")))
            raise AnsibleActionFail(f'rollout_canaries: there is no group "{group}" in the inventory; groups: {known}')
        return list(groups[group]) if group else []


def _robots(variables: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Return the robots of the play, and those that earlier plays of the same run have lost.

    Ansible drops the latter from every play, but still counts them where it cuts the hosts of a play into batches.
    """
    there = set(variables["ansible_play_hosts"])
    robots = [str(name) for name in variables["ansible_play_hosts_all"]]
    return [name for name in robots if name in there], [name for name in robots if name not in there]


def _undiminished(lost: Sequence[str]) -> None:
    """Refuse to divide a run that has lost robots: each process would plan for another fleet. Raises `ShardError`."""
    if lost:
        without = ",".join(f"!{name}" for name in lost)
        raise shards.ShardError(
            f"{shards.VARIABLE}: {named(lost)} failed or could not be reached earlier in this run, and all processes "
            f"of a divided run need the same robots: run site.yml by itself, or every process with --limit '{without}'"
        )


def _told(progress: Progress) -> dict[str, Any]:
    told = {**progress.told(), "plays": progress.playbook()}
    return {"changed": False, "rollout": told, "ansible_facts": {"rollout": told}}
