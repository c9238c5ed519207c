"""Finds out which robots are this process' own, in a playbook that has no waves. No robot is contacted.

They are the fact `rollout_part` of the controller (the task delegates its facts to it), from which the next play takes
its hosts.
"""

from __future__ import annotations

from typing import Any

from ansible import constants
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.robotfleet.stack.plugins.plugin_utils import operator
from ansible_collections.robotfleet.stack.plugins.plugin_utils.rollout import common, shards
from ansible_collections.robotfleet.stack.plugins.plugin_utils.rollout.division import Division


class ShardRefusedError(AnsibleActionFail):
    """A refusal: its message is the whole answer, and is shown once."""

    omit_exception_key = True


class ActionModule(ActionBase):
    """Called once for all robots of the play, where the run is divided."""

    TRANSFERS_FILES = False
    _VALID_ARGS = frozenset({"shard", "run", "results_directory", "playbook"})
    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the robots, and begin the file of results."""
        super().run(tmp, task_vars)
        variables, args = task_vars or {}, self._task.args
        fleet = [str(name) for name in variables.get("ansible_play_hosts_all") or []]
        try:
            division = Division.of(args, variables, constants.CALLBACKS_ENABLED)
            if division is None:
                raise shards.ShardError(f"{shards.VARIABLE} is empty: there is nothing to divide. {shards.NOBODY}")
            if not division.shard.of:
                raise shards.ShardError(
                    f"{shards.VARIABLE}: only site.yml has {shards.CANARIES}: write 1/3, 2/3, 3/3 for three processes. "
                    f"{shards.NOBODY}"
                )
            own = shards.whole(fleet, division.shard)
            alike = common.found(division.run, fleet, (), variables)
            attempt = division.begin(str(args["playbook"]), fleet, own, operator.told(), alike, self._task.check_mode)
        except shards.ShardError as error:
            raise ShardRefusedError(str(error)) from error
        return {
            "changed": False,
            "hosts": own,
            "results": str(division.path),
            "attempt": attempt,
            "ansible_facts": {"rollout_part": {"hosts": own}},
        }
