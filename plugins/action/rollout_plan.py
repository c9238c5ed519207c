"""Plans a rollout on the controller: which robot when. No robot is contacted.

The plan is the fact `rollout` of the controller (the task delegates its facts to it), so that the plays that follow can
take their hosts and batches from it.
"""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.robotfleet.stack.plugins.plugin_utils.rollout.progress import Progress
from ansible_collections.robotfleet.stack.plugins.plugin_utils.rollout.waves import ordered, sizes


class ActionModule(ActionBase):
    """Called once for all robots of the play."""

    TRANSFERS_FILES = False
    _VALID_ARGS = frozenset({"waves", "canaries", "soak_seconds", "max_failures"})
    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the plan."""
        super().run(tmp, task_vars)
        variables, asked = task_vars or {}, self._task.args
        robots = [str(name) for name in variables.get("ansible_play_hosts_all") or []]
        canaries = self._canaries(str(asked.get("canaries") or ""), variables.get("groups") or {})
        check = bool(self._task.check_mode)
        progress = Progress(
            hosts=tuple(ordered(robots, canaries)),
            sizes=(len(robots),) if check else tuple(sizes(asked["waves"], len(robots))),
            max_failures=int(asked["max_failures"]),
            soak_seconds=int(asked["soak_seconds"]),
            check=check,
        )
        told = {**progress.told(), "plays": progress.playbook()}
        return {"changed": False, "rollout": told, "ansible_facts": {"rollout": told}}

    def _canaries(self, group: str, groups: dict[str, list[str]]) -> list[str]:
        if group and group not in groups:
            known = ", ".join(sorted(name for name in groups if name not in ("all", "ungrouped")))
            raise AnsibleActionFail(f'rollout_canaries: there is no group "{group}" in the inventory; groups: {known}')
        return list(groups[group]) if group else []
