"""The controller's side of robot_stack: renders files, runs the module once, and brings what the robot lacks.

A robot that lacks nothing costs one module run. Where it answers with `needs` (packages, images, a reboot) they are
met here with the modules that Ansible has for them, and the robot is asked again.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.template import trust_as_template
from ansible.utils.display import Display

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "plugin_utils"))

from controller_images import Images, ImageUnavailableError
from service_files import FileMissingError, rendered

PROJECT = Path(__file__).resolve().parent.parent.parent
CACHE = PROJECT / ".cache" / "images"
ROUNDS = 4  # packages, then a reboot, then images: more than that goes in circles
LONGEST_REBOOT_SECONDS = 600


class ActionModule(ActionBase):  # type: ignore[misc]
    """Called by Ansible once per robot."""

    TRANSFERS_FILES = True
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the module until the robot lacks nothing."""
        super().run(tmp, task_vars)
        variables = task_vars or {}
        self._robot = str(variables.get("inventory_hostname", ""))
        arguments = self._arguments(variables)
        changed = False
        plan: list[str] = []
        diff: list[dict[str, Any]] = []
        for _ in range(ROUNDS):
            result: dict[str, Any] = self._execute_module(
                module_name="robot_stack", module_args=arguments, task_vars=variables
            )
            needs = result.pop("needs", [])
            changed = changed or bool(result.get("changed"))
            plan, diff = plan + (result.get("plan") or []), diff + (result.get("diff") or [])
            if result.get("failed") or not needs:
                break
            for need in needs:
                plan += self._meet(need, arguments, variables)
                changed = True
        else:
            raise AnsibleActionFail(f"the robot still lacks something after {ROUNDS} rounds: {needs}")
        return {**result, "changed": changed, "plan": list(dict.fromkeys(plan)), "diff": diff}

    def _arguments(self, variables: dict[str, Any]) -> dict[str, Any]:
        arguments = dict(self._task.args)
        roles = [Path(path) for path in constants.DEFAULT_ROLES_PATH]
        images = (variables.get("ansible_facts") or {}).get("robot_stack_images") or {}
        services = []
        for raw in arguments.get("services") or []:
            service = dict(raw)
            try:
                service["files"] = rendered(
                    service.get("files") or [], roles, lambda path: self._render(path, variables)
                )
            except FileMissingError as error:
                raise AnsibleActionFail(f"{service.get('name')}: {error}") from error
            reference = service["image"]["reference"]
            known = images.get(reference)
            if known is None and arguments.get("state") != "absent":
                known = self._fingerprints({reference: [arguments.get("architecture") or "amd64"]})[reference]
            service["image"] = {"reference": reference, "fingerprints": known or {}}
            services.append(service)
        scope = self._scope([str(service["name"]) for service in services], arguments, variables)
        return {**arguments, "services": services, "scope": scope}

    def _scope(self, names: list[str], arguments: dict[str, Any], variables: dict[str, Any]) -> list[str]:
        """Return the scope asked for; `--tags` narrows it to the services that it names."""
        asked = list(arguments.get("scope") or [])
        tagged = [name for name in names if name in (variables.get("ansible_run_tags") or [])]
        return asked or tagged

    def _render(self, path: Path, variables: dict[str, Any]) -> str:
        text = trust_as_template(path.read_text(encoding="utf-8"))
        templar = self._templar.copy_with_new_env(available_variables=variables)
        return str(templar.template(text))

    def _fingerprints(self, wanted: dict[str, list[str]]) -> dict[str, dict[str, str]]:
        try:
            return Images(PROJECT, CACHE, self._say).fingerprints(wanted)
        except ImageUnavailableError as error:
            raise AnsibleActionFail(str(error)) from error

    def _say(self, words: str) -> None:
        Display().display(f"  {self._robot}: {words}", color=constants.COLOR_CHANGED)

    def _meet(self, need: dict[str, Any], arguments: dict[str, Any], variables: dict[str, Any]) -> list[str]:
        if need["kind"] in ("packages", "purge"):
            return self._packages(need, variables)
        if need["kind"] == "reboot":
            return self._reboot(variables)
        return self._send(need, arguments)

    def _packages(self, need: dict[str, Any], variables: dict[str, Any]) -> list[str]:
        names, purge = list(need["names"]), need["kind"] == "purge"
        self._say(f"{'removing' if purge else 'installing'} {', '.join(names)}")
        options: dict[str, Any] = {"name": names, "install_recommends": False, "lock_timeout": 300}
        if purge:
            options.update(state="absent", purge=True, autoremove=True)
        else:
            options.update(state="present", update_cache=True, cache_valid_time=3600)
        self._module("ansible.builtin.apt", options, variables)
        return [f"{'remove' if purge else 'install'} {', '.join(names)}"]

    def _module(self, name: str, options: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        result: dict[str, Any] = self._execute_module(module_name=name, module_args=options, task_vars=variables)
        if result.get("failed"):
            raise AnsibleActionFail(f"{name}: {result.get('msg')}", result=result)
        return result

    def _reboot(self, variables: dict[str, Any]) -> list[str]:
        self._say("rebooting")
        task = self._task.copy()
        task.args = {"reboot_timeout": LONGEST_REBOOT_SECONDS}
        action = self._shared_loader_obj.action_loader.get(
            "ansible.builtin.reboot",
            task=task,
            connection=self._connection,
            play_context=self._play_context,
            loader=self._loader,
            templar=self._templar,
            shared_loader_obj=self._shared_loader_obj,
        )
        result = action.run(task_vars=variables)
        if result.get("failed"):
            raise AnsibleActionFail(f"the robot did not come back: {result.get('msg')}", result=result)
        return ["reboot, so that the kernel starts with it"]

    def _send(self, need: dict[str, Any], arguments: dict[str, Any]) -> list[str]:
        """Lay an image's archive on the robot's disk, outside of Ansible's own copy, which would compress it again."""
        reference = need["reference"]
        try:
            archive, digest = Images(PROJECT, CACHE, self._say).archive(reference, need["architecture"])
        except ImageUnavailableError as error:
            raise AnsibleActionFail(str(error)) from error
        root = (arguments.get("budget") or {}).get("root") or "/var/lib/robot-stack"
        self._say(f"sending {reference} ({archive.stat().st_size / 1e6:.1f} MB)")
        temporary = self._connection._shell.join_path(self._make_tmp_path(), archive.name)
        self._connection.put_file(str(archive), temporary)
        staged = f"{root}/staging/{archive.name}"
        command = f"mkdir -p -m 0755 {root} && mkdir -p -m 0700 {root}/staging && mv {temporary} {staged}"
        moved = self._low_level_execute_command(command, sudoable=True)
        if moved["rc"]:
            raise AnsibleActionFail(f"{reference} could not be staged on the robot: {moved['stderr']}")
        arguments["staged_images"] = [
            *(arguments.get("staged_images") or []),
            {"reference": reference, "path": staged, "digest": digest},
        ]
        return []
