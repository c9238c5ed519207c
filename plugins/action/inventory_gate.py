"""Checks what the inventory declares for every robot of the play at once, before any connection.

One pass on the controller: each robot's variables, exactly as its own task would see them (role defaults, groups, host,
extra variables), are worked out and handed to the pure checks in plugin_utils/inventory_gate. Where nothing is wrong,
the images that the robots need are made ready here and their digests are returned as the fact `robot_stack_images`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.parsing import vault
from ansible.plugins.action import ActionBase
from ansible_collections.robotfleet.stack.plugins.plugin_utils import collection
from ansible_collections.robotfleet.stack.plugins.plugin_utils.console import say
from ansible_collections.robotfleet.stack.plugins.plugin_utils.images import Images, ImageUnavailableError
from ansible_collections.robotfleet.stack.plugins.plugin_utils.images.source import ImageSource
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate import hub, origin, waves
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.catalogue import load
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.declaration import (
    Catalogue,
    Fault,
    Robot,
    Secret,
    fault,
)
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.gate import UNCOUNTED, check
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.report import report

Wanted = dict[str, dict[str, list[str]]]  # folder of an archive, "" for this machine's engine -> image -> architectures


REMEDIES = {
    "archive": "set it to a folder that playbooks/images.yml -e images_directory=FOLDER has filled",
    "pull": "write the digest that the registry shows for this image, as sha256:HEX",
}


class DeclarationError(AnsibleActionFail):
    """A refusal: its message is the whole answer, and is shown once."""

    omit_exception_key = True


class ActionModule(ActionBase):
    """Called once for all robots of the play."""

    TRANSFERS_FILES = False
    _VALID_ARGS: frozenset[str] = frozenset()
    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Refuse with one message that lists every fault, or return what the robots need."""
        super().run(tmp, task_vars)
        catalogue = load(collection.ROLES)
        names = list((task_vars or {}).get("ansible_play_hosts_all") or [])
        faults: list[Fault] = []
        robots: list[Robot] = []
        wanted: Wanted = {}
        for name in names:
            variables = self._variables(name)
            templar = self._templar.copy_with_new_env(available_variables=variables)
            robot = declared(name, variables, templar, catalogue)
            robots.append(robot)
            found = check(robot, catalogue)
            faults += found
            if not found and robot.values.get("robot_stack_state") not in UNCOUNTED:
                faults += add_images(robot, variables, templar, wanted)
        faults += waves.agree(robots) + hub.apart(robots, (task_vars or {}).get("groups") or {})
        if faults:
            machine = "host" if any(robot.is_hub for robot in robots) else "robot"
            raise DeclarationError(report(faults, len(names), machine))
        return {
            "changed": False,
            "robots": len(names),
            "images_wanted": wanted,
            "ansible_facts": {"robot_stack_images": self._images(wanted)},
        }

    def _variables(self, name: str) -> dict[str, Any]:
        """Return all variables of robot ``name`` in this play, not yet worked out."""
        manager = self._task.get_variable_manager()
        host = manager._inventory.get_host(name)
        found: dict[str, Any] = manager.get_vars(play=self._task.get_play(), host=host, task=self._task)
        return found

    def _images(self, wanted: Wanted) -> dict[str, dict[str, dict[str, str]]]:
        try:
            return {
                folder: Images(partial(say, "controller"), Path(folder).expanduser() if folder else None).fingerprints(
                    images
                )
                for folder, images in sorted(wanted.items())
            }
        except ImageUnavailableError as error:
            raise AnsibleActionFail(str(error)) from error


def declared(name: str, variables: Mapping[str, Any], templar: Any, catalogue: Catalogue) -> Robot:
    """Return what robot ``name`` declares, worked out; what cannot be worked out is a fault, not the end."""
    values: dict[str, Any] = {}
    failures: dict[str, str] = {}
    for option in catalogue.options.values():
        if option.name in variables:
            value, why = worked_out(variables[option.name], templar, option.secret)
            if why:
                failures[option.name] = why
            else:
                values[option.name] = value
    strangers = {key: variables[key] for key in variables.keys() - catalogue.names if not _encrypted(variables[key])}
    where = partial(origin.of, variables=variables)
    return Robot(name, values, frozenset(variables), failures, where, strangers)


def worked_out(raw: Any, templar: Any, secret: bool) -> tuple[Any, str]:
    """Return the value of ``raw``, or why it has none. A secret stays what it is: no vault password is needed here."""
    if secret and _encrypted(raw):
        return Secret(), ""
    try:
        return templar.template(raw), ""
    except AnsibleError as error:
        causes = _causes(error)
        if secret and any(isinstance(cause, vault.AnsibleVaultError) for cause in causes):
            return Secret(), ""
        return None, str(causes[-1])


def _encrypted(raw: Any) -> bool:
    return isinstance(raw, vault.EncryptedString)


def _causes(error: BaseException) -> list[BaseException]:
    causes = [error]
    while causes[-1].__cause__ is not None:
        causes.append(causes[-1].__cause__)
    return causes


def add_images(robot: Robot, variables: Mapping[str, Any], templar: Any, wanted: Wanted) -> list[Fault]:
    """Note the images that ``robot`` needs, with the architectures that they are needed for."""
    values = robot.values
    source = ImageSource.of(
        {
            "method": values.get("robot_stack_image_delivery"),
            "directory": values.get("robot_stack_images_directory"),
            "digests": values.get("robot_stack_image_digests"),
        }
    )
    faults = []
    for service in robot.services:
        reference = str(templar.template(variables[f"{service}_spec"]["image"]["reference"]))
        objection = source.objection(reference)
        if objection:
            name = "robot_stack_image_digests" if source.method == "pull" else "robot_stack_images_directory"
            faults.append(fault(robot, name, objection, REMEDIES[source.method]))
        elif source.method != "pull":
            architectures = wanted.setdefault(source.directory, {}).setdefault(reference, [])
            if values["robot_stack_architecture"] not in architectures:
                architectures.append(str(values["robot_stack_architecture"]))
    return faults
