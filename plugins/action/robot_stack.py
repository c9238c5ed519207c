"""The controller's side of robot_stack: renders files, runs the module once, and brings what the robot lacks.

A robot that lacks nothing costs one module run. Where it answers with `needs` (packages, images, a reboot) they are
met here with the modules that Ansible has for them, and the robot is asked again.
"""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.template import trust_as_template
from ansible.utils.display import Display

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "plugin_utils"))

from controller_images import Archive, Images, ImageUnavailableError
from image_source import ImageSource
from package_folder import PackagesMissingError, installation, packages
from robot_memory import LARGEST_GUESS, RobotMemory
from sending import Sender, SendingError
from service_files import FileMissingError, rendered

PROJECT = Path(__file__).resolve().parent.parent.parent
ROUNDS = 6  # a reboot, packages, images, one of them again, whole: more than that goes in circles
LONGEST_REBOOT_SECONDS = 600
FINISH_PACKAGES = "dpkg --configure -a"  # what apt asks for after a power cut
# Up is not enough: the engine, and what else starts with the robot, shall have had its turn.
BOOTED = "systemctl is-system-running --wait | grep -qE 'running|degraded'"


class ActionModule(ActionBase):
    """Called by Ansible once per robot."""

    TRANSFERS_FILES = True
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the module until the robot lacks nothing."""
        super().run(tmp, task_vars)
        variables = task_vars or {}
        self._robot = str(variables.get("inventory_hostname", ""))
        arguments = self._arguments(variables)
        self._memory = RobotMemory(PROJECT / ".cache" / "robots", self._robot, variables)
        self._known = self._memory.load()
        self._sent: dict[str, Archive] = {}
        self._guess(arguments)
        changed = False
        plan: list[str] = []
        diff: list[dict[str, Any]] = []
        rebooted = False
        for _ in range(ROUNDS):
            arguments["controller_clock"] = time.time()  # of this round: the one before may have sent for an hour
            result: dict[str, Any] = self._execute_module(
                module_name="robot_stack", module_args=arguments, task_vars=variables
            )
            needs = result.pop("needs", [])
            changed = changed or bool(result.get("changed"))
            plan, diff = plan + (result.get("plan") or []), diff + (result.get("diff") or [])
            if result.get("failed") or not needs:
                break
            if rebooted and any(need["kind"] == "reboot" for need in needs):
                raise AnsibleActionFail("the robot was rebooted and asks for it again: its boot line has no effect")
            rebooted = any(need["kind"] == "reboot" for need in needs)
            for need in needs:
                plan += self._meet(need, arguments, variables)
                changed = True
        else:
            raise AnsibleActionFail(f"the robot still lacks something after {ROUNDS} rounds: {needs}")
        if not result.get("failed"):
            self._learn(arguments)
        return {**result, "changed": changed, "plan": list(dict.fromkeys(plan)), "diff": diff}

    def _arguments(self, variables: dict[str, Any]) -> dict[str, Any]:
        arguments = dict(self._task.args)
        roles = [Path(path) for path in constants.DEFAULT_ROLES_PATH]
        self._source = ImageSource.of(arguments.pop("image_delivery", None) or {})
        self._packages_directory = str(arguments.pop("packages_directory", "") or "")
        services = []
        for raw in arguments.get("services") or []:
            service = dict(raw)
            try:
                service["files"] = rendered(
                    service.get("files") or [], roles, lambda path: self._render(path, variables)
                )
            except FileMissingError as error:
                raise AnsibleActionFail(f"{service.get('name')}: {error}") from error
            service["image"] = self._image(str(service["image"]["reference"]), arguments, variables)
            services.append(service)
        scope = self._scope([str(service["name"]) for service in services], arguments, variables)
        return {
            **arguments,
            "services": services,
            "scope": scope,
            "registry": self._source.registry,
        }

    def _image(self, reference: str, arguments: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        """Return what the robot is told of an image: a name that holds its digest, or what it must be like."""
        if arguments.get("state") == "restored":  # the robot knows what was good there, and has it
            return {"reference": reference, "fingerprints": {}}
        if self._source.method == "pull":
            return {"reference": self._source.pinned(reference)}
        facts = (variables.get("ansible_facts") or {}).get("robot_stack_images") or {}
        known = (facts.get(self._source.directory) or {}).get(reference)
        if known is None and arguments.get("state") != "absent":
            try:
                wanted = {reference: [arguments.get("architecture") or "amd64"]}
                known = self._images().fingerprints(wanted)[reference]
            except ImageUnavailableError as error:
                raise AnsibleActionFail(str(error)) from error
        return {"reference": reference, "fingerprints": known or {}}

    def _images(self) -> Images:
        return Images(PROJECT, self._say, self._source.folder)

    def _scope(self, names: list[str], arguments: dict[str, Any], variables: dict[str, Any]) -> list[str]:
        """Return the scope asked for; `--tags` narrows it to the services that it names.

        A service that this robot does not have counts: `--tags vmagent` must not touch all of a robot without one.
        """
        asked = list(arguments.get("scope") or [])
        tags = variables.get("ansible_run_tags") or []
        return asked or [tag for tag in tags if tag in names or f"{tag}_memory_limit_mib" in variables]

    def _render(self, path: Path, variables: dict[str, Any]) -> str:
        text = trust_as_template(path.read_text(encoding="utf-8"))
        templar = self._templar.copy_with_new_env(available_variables=variables)
        return str(templar.template(text))

    def _say(self, words: str) -> None:
        Display().display(f"  {self._robot}: {words}", color=constants.COLOR_CHANGED)

    def _meet(self, need: dict[str, Any], arguments: dict[str, Any], variables: dict[str, Any]) -> list[str]:
        if need["kind"] == "packages" and self._packages_directory:
            return self._packages_from_folder(need, arguments)
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
            self._purge({**options, "state": "absent", "purge": True, "autoremove": True}, variables)
            return [f"remove {', '.join(names)}"]
        self._apt({**options, "state": "present", "update_cache": True, "cache_valid_time": 3600}, variables)
        return [f"install {', '.join(names)}"]

    def _apt(self, options: dict[str, Any], variables: dict[str, Any]) -> None:
        try:
            self._module("ansible.builtin.apt", options, variables)
        except AnsibleActionFail as error:
            if FINISH_PACKAGES not in str(error):
                raise
            self._say("an installation was interrupted: finishing it first")
            code, words = self._as_root(f"DEBIAN_FRONTEND=noninteractive {FINISH_PACKAGES}", b"")
            if code:
                raise AnsibleActionFail(f"{FINISH_PACKAGES}: {words.strip()}") from None
            self._module("ansible.builtin.apt", options, variables)

    def _purge(self, options: dict[str, Any], variables: dict[str, Any]) -> None:
        """Remove packages and what came along with them; what nobody needed before stays, with all that it needs."""
        unneeded = self._unneeded()
        self._mark("manual", unneeded)
        try:
            self._apt(options, variables)
        finally:
            self._mark("auto", unneeded)

    def _unneeded(self) -> list[str]:
        """Return the packages that apt would remove because nothing needs them any more."""
        done = self._low_level_execute_command("apt-get --simulate --quiet autoremove", sudoable=True)
        if done["rc"]:
            raise AnsibleActionFail(f"apt-get --simulate autoremove: {str(done['stderr']).strip()}")
        lines = [line.split() for line in done["stdout"].splitlines()]
        return sorted(words[1] for words in lines if words and words[0] in ("Remv", "Purg"))

    def _mark(self, how: str, packages: list[str]) -> None:
        if packages:
            code, words = self._as_root(f"apt-mark {how} {shlex.join(packages)}", b"")
            if code:
                raise AnsibleActionFail(f"apt-mark {how}: {words.strip()}")

    def _module(self, name: str, options: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        result: dict[str, Any] = self._execute_module(module_name=name, module_args=options, task_vars=variables)
        if result.get("failed"):
            raise AnsibleActionFail(f"{name}: {result.get('msg')}", result=result)
        return result

    def _reboot(self, variables: dict[str, Any]) -> list[str]:
        self._say("rebooting")
        task = self._task.copy()
        task.args = {
            "reboot_command": "systemctl reboot",  # shutdown wants a log-in manager, which small robots may lack
            "reboot_timeout": LONGEST_REBOOT_SECONDS,
            "test_command": BOOTED,
        }
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
        return []

    def _packages_from_folder(self, need: dict[str, Any], arguments: dict[str, Any]) -> list[str]:
        names = ", ".join(need["names"])
        sender = self._sender(arguments)
        try:
            for package in packages(self._packages_directory):
                sender.send(package, package.name, need["staged"])
        except (PackagesMissingError, SendingError) as error:
            raise AnsibleActionFail(str(error)) from error
        self._say(f"installing {names} from {self._packages_directory}")
        script = installation(f"{self._root(arguments)}/staging", need["names"])
        code, words = self._as_root("sh -s", script.encode())
        if code:
            raise AnsibleActionFail(f"{names} cannot be installed from {self._packages_directory}: {words.strip()}")
        return [f"install {names}"]

    def _guess(self, arguments: dict[str, Any]) -> None:
        """Send a small update before the robot asks for it, where its images are known from the last delivery."""
        if arguments.get("state") != "present" or self._task.check_mode:
            return
        architecture = str(arguments.get("architecture") or "amd64")
        for service in arguments["services"]:
            image = service["image"]
            wanted = (image.get("fingerprints") or {}).get(architecture)
            in_scope = not arguments["scope"] or service["name"] in arguments["scope"]
            if not (wanted and in_scope and service.get("enabled", True)):
                continue
            if self._known.outdated(image["reference"], wanted):
                archive = self._archive(image["reference"], architecture, self._known.chains)
                if archive.left_out and archive.path.stat().st_size <= LARGEST_GUESS:
                    self._stage(image["reference"], archive, [], arguments)

    def _send(self, need: dict[str, Any], arguments: dict[str, Any]) -> list[str]:
        """Lay an image's archive on the robot's disk, without the layers that it has unless it refused that."""
        reference = need["reference"]
        if need.get("whole"):
            self._say(f"its engine wants the whole archive of {reference}: {need['why']}")
        self._known.chains = need["chains"]
        archive = self._archive(reference, need["architecture"], [] if need.get("whole") else need["chains"])
        self._stage(reference, archive, need["staged"], arguments)
        return []

    def _archive(self, reference: str, architecture: str, chains: list[list[str]]) -> Archive:
        try:
            return self._images().archive(reference, architecture, chains)
        except ImageUnavailableError as error:
            raise AnsibleActionFail(str(error)) from error

    def _stage(self, reference: str, archive: Archive, staged: list[dict[str, Any]], arguments: dict[str, Any]) -> None:
        note = f", without {archive.left_out} layers that it has" if archive.left_out else ""
        try:
            path = self._sender(arguments).send(archive.path, reference, staged, note)
        except SendingError as error:
            raise AnsibleActionFail(str(error)) from error
        others = [known for known in arguments.get("staged_images") or [] if known["reference"] != reference]
        sent = {"reference": reference, "path": path, "digest": archive.digest, "left_out": archive.left_out}
        arguments["staged_images"] = [*others, sent]
        self._sent[reference] = archive

    def _learn(self, arguments: dict[str, Any]) -> None:
        """Remember what the robot has now."""
        if arguments.get("state") == "absent" and not self._task.check_mode:
            self._memory.forget()
        for service in arguments["services"]:
            image = service["image"]
            archive = self._sent.get(image["reference"])
            if archive:
                wanted = image["fingerprints"][str(arguments.get("architecture") or "amd64")]
                self._known.learn(image["reference"], wanted, archive.layers)
        if self._sent:
            self._memory.save(self._known)

    def _sender(self, arguments: dict[str, Any]) -> Sender:
        return Sender(self._as_root, self._root(arguments), self._say)

    def _as_root(self, command: str, content: bytes) -> tuple[int, str]:
        done = self._low_level_execute_command(command, sudoable=True, in_data=content)
        return int(done["rc"]), str(done["stderr"] or done["stdout"])

    def _root(self, arguments: dict[str, Any]) -> str:
        return str((arguments.get("budget") or {}).get("root") or "/var/lib/robot-stack")
