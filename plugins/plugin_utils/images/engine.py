"""The controller's container engine: builds, pulls and saves images, each architecture under a name of its own.

A classic engine keeps one architecture for a name. A second name with the architecture as its suffix, which is never
seen on a robot, keeps a mixed fleet from building or pulling one name back and forth.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from . import sensor_image
from .errors import ImageUnavailableError
from .sdk import MISSING, DockerException, docker
from .store import Say, inspect, kept_name, pull


class ControllerEngine:
    """Use as a context; ``context`` is what the sensor image is built from, ``say`` tells of long work."""

    def __init__(self, context: Path, say: Say) -> None:
        """Connect to the engine of this machine."""
        if MISSING:
            raise ImageUnavailableError(
                f"the controller's engine is reached through the Python package docker, which is missing ({MISSING}): "
                "pip install docker, or deliver otherwise (robot_stack_image_delivery: archive, or pull)"
            )
        self._context, self._say = context, say
        try:
            self._client: Any = docker.from_env(timeout=600)
        except DockerException as error:
            raise ImageUnavailableError(
                f"no container engine answers on this machine ({error}); the controller needs one to build and "
                "send images: run testbed/engine, start Docker, or deliver from a folder "
                "(robot_stack_image_delivery: archive)"
            ) from error

    def __enter__(self) -> ControllerEngine:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the engine."""
        self._client.close()

    def ready(self, reference: str, architecture: str) -> dict[str, Any]:
        """Return the description of the image, built or pulled where it has to be."""
        if reference.rpartition(":")[0] == sensor_image.REPOSITORY:
            return sensor_image.ready(self._client, self._context, reference, architecture, self._say)
        found = self._there(reference, architecture)
        if found is None:
            found = pull(self._client, reference, architecture, self._say)
            self._keep(str(found["Id"]), reference, architecture)
        return found

    def save(self, identity: str, path: Path) -> None:
        """Write the image ``identity`` as the engine's own archive."""
        with path.open("wb") as stream:
            for chunk in self._client.api.get_image(identity):
                stream.write(chunk)

    def _there(self, reference: str, architecture: str) -> dict[str, Any] | None:
        """Return the image if the engine has it; the plain name counts first, so that whoever renews it is heard."""
        for name in (reference, kept_name(reference, architecture)):
            found = inspect(self._client, name)
            if found is not None and found["Architecture"] == architecture:
                self._keep(str(found["Id"]), reference, architecture)
                return found
        return None

    def _keep(self, identity: str, reference: str, architecture: str) -> None:
        repository, _, tag = kept_name(reference, architecture).rpartition(":")
        self._client.api.tag(identity, repository, tag)
