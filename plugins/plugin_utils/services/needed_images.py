"""Which images the robots of a play need, for which architectures, and from what those are built that we build."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..images.recipe import Recipe
from ..images.source import ImageSource
from ..inventory_gate.declaration import Fault, Robot, fault
from .files import FileMissingError
from .recipes import recipe_of

REMEDIES = {
    "archive": "set it to a folder that playbooks/images.yml -e images_directory=FOLDER has filled",
    "pull": "write the digest that the registry shows for this image, as sha256:HEX",
    "push": "write the digest that the registry shows for this image, as sha256:HEX, or none",
}


class NeededImages:
    """`wanted`: folder of an archive, "" for this machine's engine -> image -> architectures; `recipes`: by image."""

    def __init__(self) -> None:
        """Start with none."""
        self.wanted: dict[str, dict[str, list[str]]] = {}
        self.recipes: dict[str, Recipe] = {}
        self.digests: dict[str, str] = {}  # by which this machine's engine pulls

    def add(self, robot: Robot, role_folders: Sequence[Path]) -> list[Fault]:
        """Note the images of ``robot``; return what keeps them from it."""
        values = robot.values
        source = ImageSource.of(
            {
                "method": values.get("robot_stack_image_delivery"),
                "directory": values.get("robot_stack_images_directory"),
                "digests": values.get("robot_stack_image_digests"),
                "registry": values.get("robot_stack_registry"),
            }
        )
        # those of one's own registry say nothing of where this machine pulls, also while it makes what is pushed there
        faults = self._pinned(robot, source) if source.method == "push" and not source.prefix else []
        for service in robot.services:
            image, why = robot.part(service, "image")
            if why or not isinstance(image, Mapping) or not image.get("reference"):
                why = f"its image cannot be worked out: {why or 'it has no reference'}"
                faults.append(fault(robot, f"{service}_spec", why, "correct the role", value="(the role's)"))
                continue
            reference = str(image["reference"])
            objection = "" if source.method == "push" else source.objection(reference)
            if objection:
                name = "robot_stack_image_digests" if source.method == "pull" else "robot_stack_images_directory"
                faults.append(fault(robot, name, objection, REMEDIES[source.method]))
            elif source.method != "pull":
                self._want(source.directory, reference, str(values["robot_stack_architecture"]))
            if source.method == "push":
                faults += self._recipe(robot, service, image, role_folders)
        return faults

    def _pinned(self, robot: Robot, source: ImageSource) -> list[Fault]:
        """Note the digests by which images are pulled for a robot; they are the same for all robots of a play."""
        faults = []
        for reference, digest in sorted(source.digests.items()):
            why = source.objection(reference)
            if not why and self.digests.setdefault(reference, digest) != digest:
                why = f"{reference} has another digest for another robot, and this machine pulls it once for all"
            if why:
                faults.append(fault(robot, "robot_stack_image_digests", why, REMEDIES["push"]))
        return faults

    def _want(self, directory: str, reference: str, architecture: str) -> None:
        architectures = self.wanted.setdefault(directory, {}).setdefault(reference, [])
        if architecture not in architectures:
            architectures.append(architecture)

    def _recipe(
        self, robot: Robot, service: str, image: Mapping[str, Any], role_folders: Sequence[Path]
    ) -> list[Fault]:
        reference = str(image["reference"])
        try:
            recipe = recipe_of(image, role_folders)
        except FileMissingError as error:
            remedy = "put the build's files there, or correct image.context in the role's spec"
            return [fault(robot, f"{service}_spec", str(error), remedy, value="(the role's)")]
        if recipe is None:
            return []
        if self.recipes.setdefault(reference, recipe) != recipe:
            why = f"{reference} is built from {self.recipes[reference].context} for another service, or on other bases"
            return [fault(robot, f"{service}_spec", why, "give one of the images another name", value="(the role's)")]
        return []
