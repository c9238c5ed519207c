"""The services of one robot, as its module is told of them: files with their content, images with their digests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.template import trust_as_template

from ..images import Images, ImageUnavailableError
from ..images.source import ImageSource
from . import roles
from .files import FileMissingError, rendered

FACT = "robot_stack_images"  # what the inventory gate has found out for all robots at once


class ServiceArguments:
    """Turns what the play says of services into what the module is given."""

    def __init__(self, templar: Any, variables: dict[str, Any], source: ImageSource, images: Images) -> None:
        """``variables`` and ``templar`` are those of the robot's task."""
        self._templar, self._variables, self._source, self._images = templar, variables, source, images
        self._roles = roles.folders(variables)

    def of(self, raw: Mapping[str, Any], state: str, architecture: str) -> dict[str, Any]:
        """Return one service; raise AnsibleActionFail where a file or its image cannot be had."""
        service = dict(raw)
        try:
            service["files"] = rendered(service.get("files") or [], self._roles, self._render)
        except FileMissingError as error:
            raise AnsibleActionFail(f"{service.get('name')}: {error}") from error
        service["image"] = self._image(str(service["image"]["reference"]), state, architecture)
        return service

    def _image(self, reference: str, state: str, architecture: str) -> dict[str, Any]:
        """Return what the robot is told of an image: a name that holds its digest, or what it must be like."""
        if state == "restored":  # the robot knows what was good there, and has it
            return {"reference": reference, "fingerprints": {}}
        if self._source.method == "pull":
            return {"reference": self._source.pinned(reference)}
        facts = (self._variables.get("ansible_facts") or {}).get(FACT) or {}
        known = (facts.get(self._source.directory) or {}).get(reference)
        if known is None and state != "absent":
            try:
                known = self._images.fingerprints({reference: [architecture]})[reference]
            except ImageUnavailableError as error:
                raise AnsibleActionFail(str(error)) from error
        return {"reference": reference, "fingerprints": known or {}}

    def _render(self, path: Path) -> str:
        text = trust_as_template(path.read_text(encoding="utf-8"))
        templar = self._templar.copy_with_new_env(available_variables=self._variables)
        return str(templar.template(text))


def scope(asked: list[str], names: list[str], variables: Mapping[str, Any]) -> list[str]:
    """Return the scope asked for; `--tags` narrows it to the services that it names.

    A service that this robot does not have counts: `--tags vmagent` must not touch all of a robot without one.
    """
    tags = variables.get("ansible_run_tags") or []
    return asked or [tag for tag in tags if tag in names or f"{tag}_memory_limit_mib" in variables]
