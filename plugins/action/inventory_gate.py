"""Checks what the inventory declares for every robot of the play at once, before any connection.

One pass on the controller: each robot's variables, role defaults included, are worked out and handed to the pure checks
in plugin_utils/inventory_gate. Where nothing is wrong, the images that the robots need are made ready here and their
digests are returned as the fact `robot_stack_images`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase
from ansible.template import Templar
from ansible.utils.display import Display

try:
    from ansible._internal._datatag._tags import Origin
except ImportError:  # where a value was written is a courtesy: without it the message is still right
    Origin = None

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "plugin_utils"))

from controller_images import Images, ImageUnavailableError  # noqa: E402 - the path is known only now
from inventory_gate.catalogue import load  # noqa: E402
from inventory_gate.declaration import Catalogue, Fault, Robot, Secret  # noqa: E402
from inventory_gate.gate import LEAVING, check  # noqa: E402
from inventory_gate.report import report  # noqa: E402

PROJECT = Path(__file__).resolve().parent.parent.parent
CACHE = PROJECT / ".cache" / "images"


class ActionModule(ActionBase):  # type: ignore[misc]
    """Called once for all robots of the play."""

    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Refuse with one message that lists every fault, or return what the robots need."""
        super().run(tmp, task_vars)
        catalogue = load(PROJECT / "roles")
        names = list((task_vars or {}).get("ansible_play_hosts_all") or [])
        faults: list[Fault] = []
        wanted: dict[str, list[str]] = {}
        for name in names:
            variables = self._variables(name)
            robot = _robot(name, variables, catalogue, Templar(loader=self._loader, variables=variables))
            faults += check(robot, catalogue)
            if not faults and robot.values.get("robot_stack_state") != LEAVING:
                self._add_images(robot, variables, wanted)
        if faults:
            raise AnsibleActionFail(report(faults, len(names)))
        return {"changed": False, "images_wanted": wanted, "ansible_facts": {"robot_stack_images": self._images(wanted)}}

    def _variables(self, name: str) -> dict[str, Any]:
        """Return all variables of robot ``name`` in this play, not yet worked out."""
        manager = self._task.get_variable_manager()
        host = manager._inventory.get_host(name)
        found: dict[str, Any] = manager.get_vars(
            play=self._task.get_play(), host=host, include_hostvars=False
        )
        return found

    def _add_images(self, robot: Robot, variables: Mapping[str, Any], wanted: dict[str, list[str]]) -> None:
        templar = Templar(loader=self._loader, variables=dict(variables))
        architecture = str(robot.values["robot_stack_architecture"])
        for service in robot.services:
            reference = str(templar.template(variables[f"{service}_spec"]["image"]["reference"]))
            if architecture not in wanted.setdefault(reference, []):
                wanted[reference].append(architecture)

    def _images(self, wanted: dict[str, list[str]]) -> dict[str, dict[str, str]]:
        def say(words: str) -> None:
            Display().display(f"  controller: {words}", color=constants.COLOR_CHANGED)

        if not wanted:
            return {}
        try:
            return Images(PROJECT, CACHE, say).fingerprints(wanted)
        except ImageUnavailableError as error:
            raise AnsibleActionFail(str(error)) from error


def _robot(name: str, variables: Mapping[str, Any], catalogue: Catalogue, templar: Any) -> Robot:
    values: dict[str, Any] = {}
    failures: dict[str, str] = {}
    for option in catalogue.options.values():
        if option.name not in variables:
            continue
        raw = variables[option.name]
        if type(raw).__name__ == "EncryptedString":
            values[option.name] = Secret()
            continue
        try:
            values[option.name] = templar.template(raw)
        except AnsibleError as error:
            failures[option.name] = str(error).splitlines()[0]
    return Robot(name, values, frozenset(variables), failures, _origin(variables))


def _origin(variables: Mapping[str, Any]) -> Callable[[str], str]:
    """Return a function that tells in which file and line a variable's value was written."""

    def where(name: str) -> str:
        tag = Origin.get_tag(variables.get(name)) if Origin is not None else None
        if tag is None or not tag.path:
            return ""
        path = Path(tag.path)
        shown = path.relative_to(PROJECT) if path.is_relative_to(PROJECT) else path
        return f"{shown}:{tag.line_num}" if tag.line_num else str(shown)

    return where
