"""What the engine holds of ours: containers, the images that they were made of, and those that shall run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ..base.roots import Roots
from ..host import cgroup
from ..spec.model import Stack
from .protocol import Engine, FoundContainer, FoundImage, name_of


def containers_of(stack: Stack, engine: Engine) -> dict[str, FoundContainer]:
    """Return, by name, what bears our label, and what bears a name of ours without it: somebody made that by hand."""
    found: dict[str, FoundContainer] = {}
    for listed in engine.containers():
        inspected = engine.inspect(listed.id) if listed.service else None
        if inspected is not None:  # it may have gone between the two calls
            found[inspected.name] = inspected
    for service in stack.scoped_services:
        name = name_of(service.name)
        inspected = None if name in found else engine.inspect(name)
        if inspected is not None:
            found[name] = replace(inspected, service=service.name)
    return found


def with_kernel_limits(
    found: Mapping[str, FoundContainer], parent: str, roots: Roots, hierarchy: cgroup.Hierarchy
) -> dict[str, FoundContainer]:
    """Return the containers, those that run below slice ``parent`` with the memory limit that the kernel has.

    An engine with an account of its own does not know what somebody has changed in the kernel alone.
    """
    return {name: _with_kernel_limit(one, parent, roots, hierarchy) for name, one in found.items()}


def _with_kernel_limit(found: FoundContainer, parent: str, roots: Roots, hierarchy: cgroup.Hierarchy) -> FoundContainer:
    path = cgroup.path_of(found.pid, roots.proc, hierarchy) if found.running and found.pid else None
    # a process on its way out is in the root of all cgroups, whose limit is the robot's
    limits = cgroup.limits(hierarchy, path) if path and path.startswith(f"/{parent}/") else None
    return replace(found, kernel_memory=limits.memory or 0) if limits else found


def running_images(
    stack: Stack, engine: Engine, containers: Mapping[str, FoundContainer], images: Mapping[str, FoundImage]
) -> dict[str, FoundImage]:
    """Return by service the image that its container was made of, whatever names that has now."""
    found = {}
    for service in stack.scoped_services:
        container = containers.get(name_of(service.name))
        named = images.get(service.image)
        if container is None or not container.image:
            continue
        image = named if named and named.id == container.image else engine.image(container.image)
        if image is not None:
            found[service.name] = image
    return found


def foreign(engine: Engine, ours: Mapping[str, FoundContainer], leaves: bool = False) -> list[str]:
    """Return the names of what else runs on this engine; where that ``leaves``, also of what else is in its store."""
    found = {one.name for one in engine.containers() if not one.service and one.name not in ours}
    return sorted(found.union(engine.external() if leaves else []))


def foreign_volumes(engine: Engine, ours: Mapping[str, FoundContainer]) -> list[str]:
    """Return the names of the volumes on this engine that no container of ours uses; some have no container at all."""
    used = {volume for container in ours.values() for volume in container.volumes}
    return sorted(set(engine.volumes()) - used)


def foreign_images(engine: Engine, ours: Iterable[str]) -> list[str]:
    """Return the names of the images on this engine that are not ``ours``, the references and ids of ours."""
    known = {image.id for image in map(engine.image, ours) if image is not None}
    named = {name: engine.image(name) for name in engine.image_names()}
    return sorted(name for name, image in named.items() if image is not None and image.id not in known)


def images_of(stack: Stack, engine: Engine) -> dict[str, FoundImage]:
    """Return by reference the images that services in scope shall run, as far as they are there."""
    references = {service.image for service in stack.scoped_services}
    found = {reference: engine.image(reference) for reference in sorted(references)}
    return {reference: image for reference, image in found.items() if image is not None}
