"""The controller's side of hub_restore: asks the hub, and shows what it answers in printable words."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible_collections.robotfleet.stack.plugins.plugin_utils import operator
from ansible_collections.robotfleet.stack.plugins.plugin_utils.answers.action import RobotAction
from ansible_collections.robotfleet.stack.plugins.plugin_utils.needs.connection import ask

MODULE = "robotfleet.stack.hub_restore"


class ActionModule(RobotAction):
    """Called by Ansible for the hub."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Do one step of a restore on the hub."""
        super().run(tmp, task_vars)
        variables = task_vars or {}
        result = ask(self, variables, MODULE, {**self._task.args, "operator": operator.told()})
        name = str(variables.get("inventory_hostname", ""))
        if result.get("failed"):
            raise AnsibleActionFail(f"{name}: {result.get('msg')}", result=result)
        return {**result, "msg": f"{name}: {result.get('msg')}"}
