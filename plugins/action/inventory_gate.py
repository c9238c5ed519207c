"""Checks what the inventory declares for every robot of the play at once, before any connection.

One pass on the controller: each robot's variables, exactly as its own task would see them (role defaults, groups, host,
extra variables), are worked out and handed to the pure checks in plugin_utils/inventory_gate. Where nothing is wrong,
the images that the robots need are made ready here and their digests are returned as the fact `robot_stack_images`.
"""

from __future__ import annotations

import resource
from functools import partial
from pathlib import Path
from typing import Any

from ansible import context
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.robotfleet.stack.plugins.plugin_utils import collection
from ansible_collections.robotfleet.stack.plugins.plugin_utils.console import say
from ansible_collections.robotfleet.stack.plugins.plugin_utils.images import Images, ImageUnavailableError
from ansible_collections.robotfleet.stack.plugins.plugin_utils.images.wanted import PINS
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate import (
    cluster,
    hub,
    machines,
    open_files,
    origin,
    pair,
    twice,
    values,
    waves,
    word,
)
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.catalogue import joined, load
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.declaration import Catalogue, Fault, Robot
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.gate import UNCOUNTED, check
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.machines import Reached
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.report import report
from ansible_collections.robotfleet.stack.plugins.plugin_utils.services import plain
from ansible_collections.robotfleet.stack.plugins.plugin_utils.services.declared import Declaration
from ansible_collections.robotfleet.stack.plugins.plugin_utils.services.elsewhere import roles_elsewhere
from ansible_collections.robotfleet.stack.plugins.plugin_utils.services.needed_images import NeededImages
from ansible_collections.robotfleet.stack.plugins.plugin_utils.services.shared_values import SharedValues

IMAGES = "robot_stack_images"
RECIPES = "robot_stack_recipes"
FACTS = (IMAGES, plain.FACT, RECIPES, PINS)


class DeclarationError(AnsibleActionFail):
    """A refusal: its message is the whole answer, and is shown once."""

    omit_exception_key = True


class ActionModule(ActionBase):
    """Called once for all robots of the play, or for some of them, with services that the play gives them."""

    TRANSFERS_FILES = False
    _VALID_ARGS: frozenset[str] = frozenset({"robots", "services"})
    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Refuse with one message that lists every fault, or return what the robots need."""
        super().run(tmp, task_vars)
        variables = task_vars or {}
        own = load(collection.ROLES)
        names = [str(name) for name in self._task.args.get("robots") or variables.get("ansible_play_hosts_all") or []]
        also = [str(name) for name in self._task.args.get("services") or []]
        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        crowded = open_files.check(int(context.CLIARGS.get("forks") or 1), len(names), limit)
        if crowded:
            raise DeclarationError(crowded)
        shared = SharedValues()
        declarations = [Declaration.of(name, self._variables(name), self, own, shared) for name in names]
        known = self._catalogue(own, declarations, variables)
        images = NeededImages()
        faults: list[Fault] = []
        robots: list[Robot] = []
        words: dict[str, dict[str, Any]] = {}
        for declaration in declarations:
            # of two robots with different roles of one name each has its own
            catalogue = joined(known, declaration.foreign) if declaration.foreign else known
            robot = declaration.robot(catalogue, also)
            robots.append(robot)
            found = check(robot, catalogue)
            words[robot.name] = {}
            if not found and robot.values.get("robot_stack_state") not in UNCOUNTED:
                words[robot.name], failures = declaration.word(robot.services)
                words[robot.name]["beside"] = word.beside(robot.values, [role.folder for role in declaration.foreign])
                found += values.failed(robot, failures)
                found += images.add(robot, declaration.role_folders) if not found else []
            faults += found
        faults += self._twice(declarations)
        groups: dict[str, list[str]] = variables.get("groups") or {}
        given = self._task.get_variable_manager().extra_vars
        faults += waves.agree(robots) + waves.stated(robots, given) + hub.apart(robots, groups)
        hubs = self._hubs(robots, own, known, also, groups)
        faults += pair.known(robots, groups) + pair.check(hubs) + cluster.check(hubs)
        others = self._others(own, names, groups, any(robot.is_hub for robot in robots))
        faults += machines.apart([declaration.reached() for declaration in declarations], others)
        if faults:
            machine = "host" if any(robot.is_hub for robot in robots) else "robot"
            raise DeclarationError(report(faults, len(names), machine))
        word.give(words)
        return {
            "changed": False,
            "robots": len(names),
            "images_wanted": images.wanted,
            "ansible_facts": {
                IMAGES: self._ready(images),
                plain.FACT: {one.name: dict(one.plain) for one in declarations if one.plain},
                RECIPES: {name: recipe.told() for name, recipe in images.recipes.items()},
                PINS: images.digests,
            },
        }

    def _catalogue(self, own: Catalogue, declarations: list[Declaration], variables: dict[str, Any]) -> Catalogue:
        """Return every variable that has an owner, also where that is a service of other robots."""
        known = joined(own, [role for declaration in declarations for role in declaration.foreign])
        return joined(known, roles_elsewhere(known, declarations, variables, self._loader))

    def _variables(self, name: str) -> dict[str, Any]:
        """Return all variables of robot ``name`` in this play, not yet worked out."""
        manager = self._task.get_variable_manager()
        host = manager._inventory.get_host(name)
        found: dict[str, Any] = manager.get_vars(play=self._task.get_play(), host=host, task=self._task)
        # what this task has told in an earlier play is a variable, too, where facts are (Ansible's default)
        told = {name for name in FACTS if name in (found.get("ansible_facts") or {})} | collection.REGISTERED
        return {name: value for name, value in found.items() if name not in told}

    def _twice(self, declarations: list[Declaration]) -> list[Fault]:
        """Return what stands twice in the files and the texts that the variables come from."""
        texts = [str(text) for text in context.CLIARGS.get("extra_vars") or () if isinstance(text, str)]
        given = [str(Path(text[1:]).expanduser().resolve()) for text in texts if text.startswith("@")]
        ours = str(collection.ROLES)
        found: list[Fault] = []
        for one in declarations:
            files = [path for path in {*given, *origin.files(one.variables)} if not path.startswith(ours)]
            found += twice.check(one.name, sorted(files), self._text)
            found += twice.check_texts(one.name, texts)
        return found

    def _text(self, path: str) -> str:
        """Return a file's plain text; whoever needs one that cannot be read says what is wrong with it."""
        try:
            return str(self._loader.get_text_file_contents(path))
        except AnsibleError:
            return ""

    def _others(self, own: Catalogue, names: list[str], groups: dict[str, list[str]], hub_: bool) -> list[Reached]:
        """Return how the hubs are reached that are not in the play, or for a hub the robots."""
        both = set(groups.get("robots") or ()) & set(groups.get("telemetry_hub") or ())  # told as such
        hosts = [
            name for name in groups.get("robots" if hub_ else "telemetry_hub") or () if name not in {*names, *both}
        ]
        return [Declaration.of(name, self._variables(name), self, own).reached() for name in hosts]

    def _hubs(
        self, robots: list[Robot], own: Catalogue, known: Catalogue, also: list[str], groups: dict[str, list[str]]
    ) -> list[Robot]:
        """Return the hub's hosts where there are several, in their group's order, also those that a run leaves out."""
        hosts = groups.get(pair.GROUP) or []
        found = {robot.name: robot for robot in robots if robot.is_hub}
        if len(hosts) < pair.MOST or not found:
            return []
        if any(robot.values.get("robot_stack_state") in UNCOUNTED for robot in found.values()):
            return []  # one of them leaves
        for name in [name for name in hosts if name not in found]:
            found[name] = Declaration.of(name, self._variables(name), self, own).robot(known, also)
        return [found[name] for name in hosts]

    def _ready(self, images: NeededImages) -> dict[str, dict[str, dict[str, str]]]:
        """Have the images; return folder -> image -> architecture -> digest."""
        try:
            return {
                folder: Images(
                    partial(say, "controller"),
                    Path(folder).expanduser() if folder else None,
                    recipes=images.recipes,
                    digests=images.digests,
                ).fingerprints(wanted)
                for folder, wanted in sorted(images.wanted.items())
            }
        except ImageUnavailableError as error:
            raise AnsibleActionFail(str(error)) from error
