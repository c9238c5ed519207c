"""What state.json said, told anew from what is true on the robot: drop-ins, containers, images. Pure.

It cannot be said what happened to a service, and when: peaks, kills and restarts are counted anew. Images that nothing
runs and nobody declares stay on the robot for good.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ..base.files import FoundFile
from ..engine.protocol import Driver, FoundContainer, name_of
from ..host.systemd import WRITTEN_BY_US
from ..spec.model import Stack
from .state import ServiceRecord, State

OWNER = "says that the container engine is somebody else's, and its drop-ins are ours"


def engine_is_ours(stack: Stack, driver: Driver, found_files: Mapping[str, FoundFile | None]) -> bool:
    """Whether the engine has a drop-in of ours: it is written for an engine that this project installs, and no other.

    What is in it need not be what is declared now: that is a change like any other.
    """
    paths = (file.path for file in driver.files(stack) if file.path != driver.settings_file)
    drop_ins = (found_files.get(path) for path in paths)
    return bool(stack.engine.packages) and any(
        one and (one.content or "").startswith(WRITTEN_BY_US) for one in drop_ins
    )


def with_engine(known: State, stack: Stack, driver: Driver, found_files: Mapping[str, FoundFile | None]) -> State:
    """Return ``known`` with the engine as ours where it is.

    Its files are taken to be what it was started with where they are as declared: whoever writes them restarts it.
    """
    if known.engine_packages or not engine_is_ours(stack, driver, found_files):
        return known
    wanted = {file.path: file.content for file in driver.files(stack)}
    same = all((found := found_files.get(path)) and found.content == text for path, text in wanted.items())
    configuration = driver.configuration(stack) if same else ""
    return replace(known, engine_packages=list(stack.engine.packages), engine_configuration=configuration)


def with_containers(known: State, containers: Mapping[str, FoundContainer], references: Mapping[str, str]) -> State:
    """Return ``known`` with the services and images that the engine's containers tell of.

    ``references``: the declared images that the engine holds, with their ids. On somebody else's engine only those are
    ours that our containers run: the others may have been there before.
    """
    services, history = dict(known.services), dict(known.image_history)
    images = {*known.images, *(references if known.engine_packages else ())}
    for container in _ours(containers):
        service, image, name = container.service, container.image, container.image_name
        record = services.get(service, ServiceRecord())
        if not record.made:
            services[service] = replace(record, made=container.id)
        if image and not history.get(service):
            history[service] = [image]
        images |= {name} if references.get(name, image) == image else {image}  # its name may be a newer one's by now
    return replace(known, services=services, image_history=history, images=sorted(images - {""}))


def _ours(containers: Mapping[str, FoundContainer]) -> Iterable[FoundContainer]:
    """Return the containers that this project made; one that has our name alone could be made by anybody."""
    for name, container in sorted(containers.items()):
        if container.spec and name == name_of(container.service):
            yield container
