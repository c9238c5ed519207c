"""Writes the bill of materials of each image that the inventory's robots need, as the image's own files tell it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.robotfleet.stack.plugins.plugin_utils.console import say
from ansible_collections.robotfleet.stack.plugins.plugin_utils.images import Images, ImageUnavailableError
from ansible_collections.robotfleet.stack.plugins.plugin_utils.images.contents.bill import bill, file_name
from ansible_collections.robotfleet.stack.plugins.plugin_utils.images.wanted import images_of, pins_of
from ansible_collections.robotfleet.stack.plugins.plugin_utils.whole_file import whole


class ActionModule(ActionBase):
    """Called once, after the inventory gate has told which images are needed."""

    TRANSFERS_FILES = False
    _VALID_ARGS = frozenset({"directory"})
    _supports_check_mode = False
    _requires_connection = False

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Write a file for each image and architecture; one that says the same already is left alone."""
        super().run(tmp, task_vars)
        wanted, recipes = images_of(task_vars or {})
        directory = Path(str(self._task.args["directory"])).expanduser().absolute()
        directory.mkdir(parents=True, exist_ok=True)
        images, written = Images(partial(say, "controller"), recipes=recipes, digests=pins_of(task_vars or {})), []
        try:
            for folder, image in images.packed(wanted):
                path, text = directory / file_name(image), bill(folder, image)
                if not path.exists() or path.read_text(encoding="utf-8") != text:
                    with whole(path) as file:
                        file.write_text(text, encoding="utf-8")
                    written.append(path.name)
        except ImageUnavailableError as error:
            raise AnsibleActionFail(str(error)) from error
        return {"changed": bool(written), "msg": f"{directory}: {', '.join(written) or 'nothing has changed'}"}
