"""Fills a folder with the images that the inventory's robots need, for controllers without an engine or a network."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.robotfleet.stack.plugins.plugin_utils.console import say
from ansible_collections.robotfleet.stack.plugins.plugin_utils.images import Images, ImageUnavailableError
from ansible_collections.robotfleet.stack.plugins.plugin_utils.images.wanted import images_of, pins_of


class ActionModule(ActionBase):
    """Called once, after the inventory gate has told which images are needed."""

    TRANSFERS_FILES = False
    _VALID_ARGS = frozenset({"directory"})
    _supports_check_mode = False
    _requires_connection = False

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Export every image that this machine's engine has made ready."""
        super().run(tmp, task_vars)
        wanted, recipes = images_of(task_vars or {})
        directory = Path(str(self._task.args["directory"])).expanduser().absolute()
        directory.mkdir(parents=True, exist_ok=True)
        before = {path.name for path in directory.rglob("*")}
        images = Images(partial(say, "controller"), recipes=recipes, digests=pins_of(task_vars or {}))
        try:
            listed = images.export(wanted, directory)
        except ImageUnavailableError as error:
            raise AnsibleActionFail(str(error)) from error
        names = [f"{image.reference} for {image.architecture}" for image in listed]
        changed = {path.name for path in directory.rglob("*")} != before
        return {"changed": changed, "msg": f"{directory} holds {', '.join(names)}"}
