"""The controller's container engine: builds, pulls and saves images, each architecture under a name of its own.

A classic engine keeps one architecture for a name. A second name with the architecture as its suffix, which is never
seen on a robot, keeps a mixed fleet from building or pulling one name back and forth.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import build
from .errors import ImageUnavailableError
from .recipe import Recipe
from .sdk import MISSING, DockerException, docker
from .store import Say, have


class ControllerEngine:
    """Use as a context; ``recipes`` are those of the images that are built here, ``say`` tells of long work.

    ``digests`` are those by which images are pulled, by their references.
    """

    def __init__(self, recipes: Mapping[str, Recipe], say: Say, digests: Mapping[str, str] | None = None) -> None:
        """Connect to the engine of this machine."""
        if MISSING:
            raise ImageUnavailableError(
                f"the controller's engine is reached through the Python package docker, which is missing ({MISSING}): "
                "pip install docker, or deliver otherwise (robot_stack_image_delivery: archive, or pull)"
            )
        self._recipes, self._say, self._digests = recipes, say, dict(digests or {})
        try:
            self._client: Any = docker.from_env(timeout=600)
        except DockerException as error:
            raise ImageUnavailableError(
                f"no container engine answers on this machine ({error}); the controller needs one to build and "
                "send images: install Docker and start it (in a clone: testbed/engine), or deliver otherwise "
                "(robot_stack_image_delivery: archive, or pull)"
            ) from error

    def __enter__(self) -> ControllerEngine:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the engine."""
        self._client.close()

    def ready(self, reference: str, architecture: str) -> dict[str, Any]:
        """Return the description of the image, built or pulled where it has to be."""
        recipe = self._recipes.get(reference)
        if recipe is not None:
            return build.ready(self._client, recipe, reference, architecture, self._say, self._digests)
        return have(self._client, reference, architecture, self._say, self._digests)

    def save(self, identity: str, path: Path) -> None:
        """Write the image ``identity`` as the engine's own archive."""
        with path.open("wb") as stream:
            for chunk in self._client.api.get_image(identity):
                stream.write(chunk)
