"""What the engine holds of ours: containers, the images that they were made of, and those that shall run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..spec.model import Stack
from .docker import container
from .docker.api import Engine
from .image import fingerprint


@dataclass(frozen=True)
class FoundImage:
    """An image on the robot: its id there, and the digest that is the same on every engine."""

    id: str
    fingerprint: str
    layers: list[str]
    environment: list[str]


def containers_of(stack: Stack, engine: Engine) -> dict[str, Mapping[str, Any]]:
    """Return what bears our label, and what bears a name of ours without it: somebody made that by hand."""
    found: dict[str, Mapping[str, Any]] = {}
    for listed in engine.containers(container.SERVICE_LABEL):
        inspected = engine.inspect(listed["Id"])
        if inspected is not None:  # it may have gone between the two calls
            found[str(inspected["Name"]).lstrip("/")] = inspected
    for service in stack.scoped_services:
        name = container.name_of(service.name)
        inspected = None if name in found else engine.inspect(name)
        if inspected is not None:
            labels = {**(inspected["Config"].get("Labels") or {}), container.SERVICE_LABEL: service.name}
            found[name] = {**inspected, "Config": {**inspected["Config"], "Labels": labels}}
    return found


def running_images(
    stack: Stack, engine: Engine, containers: Mapping[str, Mapping[str, Any]], images: Mapping[str, FoundImage]
) -> dict[str, FoundImage]:
    """Return by service the image that its container was made of, whatever names that has now."""
    found = {}
    for service in stack.scoped_services:
        identity = str((containers.get(container.name_of(service.name)) or {}).get("Image", ""))
        named = images.get(service.image)
        image = named if named and named.id == identity else (found_image(engine, identity) if identity else None)
        if image is not None:
            found[service.name] = image
    return found


def foreign(engine: Engine, ours: Mapping[str, Any]) -> list[str]:
    """Return the names of what else runs on this engine."""
    listed = engine.containers("")
    labels = [(str(c["Names"][0]).lstrip("/"), c.get("Labels") or {}) for c in listed]
    return sorted(name for name, known in labels if container.SERVICE_LABEL not in known and name not in ours)


def foreign_volumes(engine: Engine, ours: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the names of the volumes on this engine that no container of ours uses; some have no container at all."""
    used = {str(mount.get("Name")) for inspected in ours.values() for mount in inspected.get("Mounts") or []}
    return sorted(set(engine.volumes()) - used)


def found_image(engine: Engine, reference: str) -> FoundImage | None:
    """Return what the robot's engine holds under ``reference``."""
    inspected = engine.image(reference)
    if inspected is None:
        return None
    layers = list((inspected.get("RootFS") or {}).get("Layers") or [])
    environment = list((inspected.get("Config") or {}).get("Env") or [])
    return FoundImage(str(inspected["Id"]), fingerprint(inspected), layers, environment)


def images_of(stack: Stack, engine: Engine) -> dict[str, FoundImage]:
    """Return by reference the images that services in scope shall run, as far as they are there."""
    references = {service.image for service in stack.scoped_services}
    found = {reference: found_image(engine, reference) for reference in sorted(references)}
    return {reference: image for reference, image in found.items() if image is not None}
