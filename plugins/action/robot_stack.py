"""The controller's side of robot_stack: renders files, runs the module once, and brings what the robot lacks.

A robot that lacks nothing costs one module run. Where it answers with `needs` (packages, images, a reboot) they are
met here with the modules that Ansible has for them, and the robot is asked again.
"""

from __future__ import annotations

import time
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec.needs import (
    ImageNeed,
    Need,
    PackagesNeed,
    PurgeNeed,
    RebootNeed,
)
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack_arguments import ARGUMENTS
from ansible_collections.robotfleet.stack.plugins.plugin_utils import collection, operator
from ansible_collections.robotfleet.stack.plugins.plugin_utils.answers.action import RobotAction
from ansible_collections.robotfleet.stack.plugins.plugin_utils.images import Images
from ansible_collections.robotfleet.stack.plugins.plugin_utils.images.known_images import KnownImages
from ansible_collections.robotfleet.stack.plugins.plugin_utils.images.source import ImageSource
from ansible_collections.robotfleet.stack.plugins.plugin_utils.images.wanted import pins_of
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate import lossless, word
from ansible_collections.robotfleet.stack.plugins.plugin_utils.needs import broken, own_copy, packages, reboot
from ansible_collections.robotfleet.stack.plugins.plugin_utils.needs.connection import Connection
from ansible_collections.robotfleet.stack.plugins.plugin_utils.needs.declared import Declared
from ansible_collections.robotfleet.stack.plugins.plugin_utils.needs.images import ImageDelivery
from ansible_collections.robotfleet.stack.plugins.plugin_utils.services import plain
from ansible_collections.robotfleet.stack.plugins.plugin_utils.services.arguments import ServiceArguments, name_of
from ansible_collections.robotfleet.stack.plugins.plugin_utils.services.scope import scope

ROUNDS = 6  # a reboot, packages, images, one of them again, whole: more than that goes in circles


class RefusedError(AnsibleActionFail):
    """A refusal: its message is the whole answer, and is shown once."""

    omit_exception_key = True


class ActionModule(RobotAction):
    """Called by Ansible once per robot."""

    TRANSFERS_FILES = True
    _templar: Any
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the module until the robot lacks nothing."""
        variables = self._as_said(task_vars or {})
        in_scope = self._scope(variables)
        if in_scope is None:  # before anything connects
            return {"changed": False, "skipped": True, "skip_reason": "the run's tags name no service of this robot"}
        connection = Connection(self, variables)
        source = ImageSource.of(self._task.args.get("image_delivery") or {})
        images = Images(connection.say, source.folder, digests=pins_of(variables))
        arguments = {**self._arguments(variables, source, images), "scope": in_scope}
        super().run(tmp, task_vars)  # which connects
        root = str((arguments.get("budget") or {}).get("root") or "/var/lib/robot-stack")
        known = KnownImages(collection.cache() / "robots", connection.robot, variables)
        delivery = ImageDelivery(connection, images, known, root)
        delivery.want(arguments["services"], arguments["architecture"])
        if arguments["state"] == "present" and not self._task.check_mode:
            delivery.guess(arguments["services"], arguments["scope"], arguments["architecture"])
        result = self._rounds(connection, arguments, delivery, root)
        if not result.get("failed"):
            if arguments["state"] == "absent" and not self._task.check_mode:
                known.forget()
            delivery.learn(arguments["services"], arguments["architecture"])
        return result

    def _as_said(self, variables: dict[str, Any]) -> dict[str, Any]:
        """Return the variables with texts as the numbers and truths that they say, as in the task's arguments."""
        said = plain.of_robot(variables, self._templar)
        if said:
            variables = {**variables, **said}
            self._templar = self._templar.copy_with_new_env(available_variables=variables)
            self._task.args = lossless.arguments(ARGUMENTS, self._task.args)
        return variables

    def _arguments(self, variables: dict[str, Any], source: ImageSource, images: Images) -> dict[str, Any]:
        arguments = dict(self._task.args)
        for controllers_own in ("image_delivery", "packages_directory"):
            arguments.pop(controllers_own, None)
        state = str(arguments.get("state") or "present")
        architecture = str(arguments.get("architecture") or "amd64")
        services = ServiceArguments(self, variables, source, images)
        specs = services.specs(arguments.get("services") or [])
        try:  # before anything is built, sent or asked
            word.demand(str(variables.get("inventory_hostname", "")), state, arguments, specs)
        except word.NoWordError as error:
            raise RefusedError(str(error)) from error
        return {
            **arguments,
            "state": state,
            "architecture": architecture,
            "robot": str(variables.get("inventory_hostname") or ""),
            "services": services.of(specs, state, architecture),
            "registry": source.registry,
        }

    def _scope(self, variables: dict[str, Any]) -> list[str] | None:
        names = [name_of(entry) for entry in self._task.args.get("services") or []]
        return scope(list(self._task.args.get("scope") or []), names, variables, self._task.tags)

    def _rounds(
        self, connection: Connection, arguments: dict[str, Any], delivery: ImageDelivery, root: str
    ) -> dict[str, Any]:
        declared = Declared.of(arguments)
        changed, rebooted, answered = False, False, False
        plan: list[str] = []
        diff: list[dict[str, Any]] = []
        records: list[str] = []  # told by the round that has healed them
        done: list[str] = []  # on the robot, by this machine: its journal tells of it
        for _ in range(ROUNDS):
            # of this round: the one before may have sent for an hour
            asked = {**arguments, "controller_clock": time.time(), "staged_images": delivery.staged}
            asked["operator"] = {**operator.told(), "done": done}
            try:
                result = connection.ask(own_copy.MODULE, asked)
            except AnsibleConnectionFailure as error:
                return self._cut_off(error, answered, arguments["state"])
            answered = True
            needs = declared.allowed(result.pop("needs", None) or [])
            changed = changed or bool(result.get("changed"))
            plan, diff = plan + (result.get("plan") or []), diff + (result.get("diff") or [])
            records += result.pop("records", None) or []
            if result.get("failed") or not needs:
                told = {"records": list(dict.fromkeys(records))} if records else {}
                return {**result, "changed": changed, "plan": list(dict.fromkeys(plan)), "diff": diff, **told}
            if rebooted and any(isinstance(need, RebootNeed) for need in needs):
                raise AnsibleActionFail("the robot was rebooted and asks for it again: its boot line has no effect")
            rebooted = any(isinstance(need, RebootNeed) for need in needs)
            try:
                done = [line for need in needs for line in self._meet(need, connection, delivery, root)]
            except AnsibleConnectionFailure as error:  # of images nothing runs yet
                return self._cut_off(error, not all(isinstance(need, ImageNeed) for need in needs), arguments["state"])
            plan, changed = plan + done, True
        raise AnsibleActionFail(f"the robot still lacks something after {ROUNDS} rounds: {needs}")

    def _cut_off(self, error: AnsibleConnectionFailure, answered: bool, state: str) -> dict[str, Any]:
        """Return the result of a robot that its change may have cut off; raise ``error`` for one that was not there."""
        cut_off = broken.result(error, answered, check=self._task.check_mode or state not in broken.CHANGING)
        if cut_off is None:
            raise error
        return cut_off

    def _meet(self, need: Need, connection: Connection, delivery: ImageDelivery, root: str) -> list[str]:
        if isinstance(need, ImageNeed):
            return delivery.meet(need)
        if isinstance(need, PurgeNeed):
            return packages.purge(connection, need)
        if isinstance(need, PackagesNeed):
            return packages.install(connection, need, str(self._task.args.get("packages_directory") or ""), root)
        return reboot.reboot(connection)
