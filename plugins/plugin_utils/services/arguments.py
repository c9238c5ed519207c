"""The services of one robot, as its module is told of them: files with their content, images with their digests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.template import trust_as_template

from ..images import Images, ImageUnavailableError
from ..images.source import ImageSource
from . import roles, specs
from .files import FileMissingError, rendered
from .recipes import recipe_of

FACT = "robot_stack_images"  # what the inventory gate has found out for all robots at once
GATES_OWN = ("memory_floor",)  # parts of a spec that no robot is told


def name_of(entry: Any) -> str:
    """Return the service that an entry of the play's list means: a spec, or the name of a role."""
    return str(entry.get("name")) if isinstance(entry, Mapping) else specs.service_of(str(entry))


class ServiceArguments:
    """Turns what the play says of services into what the module is given."""

    def __init__(self, action: Any, variables: dict[str, Any], source: ImageSource, images: Images) -> None:
        """``action`` is the action plugin of the robot's task, ``variables`` are that robot's."""
        self._action, self._source, self._images = action, source, images
        self._variables, self._templar = variables, action._templar
        self._roles = roles.folders(variables)

    def specs(self, entries: Sequence[Any]) -> list[Mapping[str, Any]]:
        """Return the services that run, as the play has them; raise AnsibleActionFail where there is no such role.

        One that is switched off is asked of no robot: the gate has not looked at it, and no image is made for it.
        """
        self._join([entry for entry in entries if not isinstance(entry, Mapping)])
        found = [self._spec(entry) for entry in entries]
        return [spec for spec in found if spec.get("enabled", True) is not False]

    def of(self, specs: Sequence[Mapping[str, Any]], state: str, architecture: str) -> list[dict[str, Any]]:
        """Return the services of `specs`; raise AnsibleActionFail where a file or an image cannot be had."""
        return [self._one(spec, state, architecture) for spec in specs]

    def _join(self, entries: Sequence[Any]) -> None:
        """Have the variables of somebody else's roles beside the robot's own."""
        try:
            found = [specs.foreign(str(entry), self._variables, self._action._loader) for entry in entries]
        except specs.RoleError as error:
            raise AnsibleActionFail(f"robot_stack_services: {error}; {error.remedy}") from error
        foreign = [role for role in found if role is not None]
        if foreign:
            extra = self._action._task.get_variable_manager().extra_vars
            self._variables = specs.environment(self._variables, foreign, extra)
            self._templar = self._templar.copy_with_new_env(available_variables=self._variables)
            self._roles = specs.folders(self._variables, foreign)

    def _spec(self, entry: Any) -> Mapping[str, Any]:
        if isinstance(entry, Mapping):
            return entry
        variable = f"{name_of(entry)}_spec"
        if variable not in self._variables:
            raise AnsibleActionFail(f"robot_stack_services: there is no service '{entry}', for there is no {variable}")
        found: Mapping[str, Any] = self._templar.template(self._variables[variable])
        return found

    def _one(self, spec: Mapping[str, Any], state: str, architecture: str) -> dict[str, Any]:
        service = {key: value for key, value in spec.items() if key not in GATES_OWN}
        try:
            service["files"] = rendered(service.get("files") or [], self._roles, self._render)
            service["image"] = self._image(service["image"], state, architecture)
        except FileMissingError as error:
            raise AnsibleActionFail(f"{service.get('name')}: {error}") from error
        return service

    def _image(self, image: Mapping[str, Any], state: str, architecture: str) -> dict[str, Any]:
        """Return what the robot is told of an image: a name that holds its digest, or what it must be like."""
        reference = str(image["reference"])
        if state == "restored":  # the robot knows what was good there, and has it
            return {"reference": reference, "fingerprints": {}}
        if self._source.method == "pull":
            return {"reference": self._source.pinned(reference)}
        if self._source.method == "push" and state != "absent":
            self._images.note_recipe(reference, recipe_of(image, self._roles))
        facts = (self._variables.get("ansible_facts") or {}).get(FACT) or {}
        known = (facts.get(self._source.directory) or {}).get(reference)
        if known is None and state != "absent":
            try:
                known = self._images.fingerprints({reference: [architecture]})[reference]
            except ImageUnavailableError as error:
                raise AnsibleActionFail(str(error)) from error
        # of its own architecture alone: which others are in the play must make no other declaration of it
        own = {name: digest for name, digest in (known or {}).items() if name == architecture}
        return {"reference": reference, "fingerprints": own}

    def _render(self, path: Path) -> str:
        text = trust_as_template(path.read_text(encoding="utf-8"))
        templar = self._templar.copy_with_new_env(available_variables=self._variables)
        return str(templar.template(text))
