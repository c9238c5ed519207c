"""Joins the results of the processes that have divided a run. No robot is contacted.

The callbacks robotfleet.stack.summary and robotfleet.stack.rollout tell the whole run at the end, from the same files.
"""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.robotfleet.stack.plugins.plugin_utils.rollout import awx, joining, results, shards


class ApartRefusedError(AnsibleActionFail):
    """A refusal: its message is the whole answer, and is shown once."""

    omit_exception_key = True


class ActionModule(ActionBase):
    """Called once for all robots of the inventory."""

    TRANSFERS_FILES = False
    _VALID_ARGS = frozenset({"run", "results_directory"})
    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the run in words, and fail where one of its processes is missing or was no success."""
        super().run(tmp, task_vars)
        variables, args = task_vars or {}, self._task.args
        robots = [str(name) for name in variables.get("ansible_play_hosts_all") or []]
        try:
            run = shards.run_name(args.get("run"), awx.told(variables, "workflow_job_id"))
            beside = str(variables.get("inventory_dir") or "")
            where = results.folder(str(args.get("results_directory") or ""), beside, run)
            joined = joining.join(results.read_all(where), run, robots)
        except joining.ApartError as error:
            raise ApartRefusedError(f"{error}\nThey were looked for in {where}.") from error
        except (shards.ShardError, results.ResultError, OSError) as error:
            raise ApartRefusedError(str(error)) from error
        return {
            "changed": False,
            "failed": bool(joined.wrong),
            "msg": joined.told,
            "playbook": joined.playbook,
            "results": str(where),
        }
