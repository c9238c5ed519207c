"""What state.json said, told anew from what is true on the robot: drop-ins, containers, images. Pure.

It cannot be said what happened to a service, and when: peaks, kills and restarts are counted anew. Images that nothing
runs and nobody declares stay on the robot for good.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ..base.files import FoundFile
from ..engine.docker import container
from ..engine.docker import setup as engine_setup
from ..host.systemd import WRITTEN_BY_US
from ..spec.model import Stack
from .state import ServiceMemory, State

OWNER = "says that the container engine is somebody else's, and its drop-ins are ours"


def engine_is_ours(stack: Stack, found_files: Mapping[str, FoundFile | None]) -> bool:
    """Whether the engine has a drop-in of ours: it is written for an engine that this project installs, and no other.

    What is in it need not be what is declared now: that is a change like any other.
    """
    paths = (file.path for file in engine_setup.engine_files(stack) if file.path != engine_setup.DAEMON_JSON)
    drop_ins = (found_files.get(path) for path in paths)
    return bool(stack.engine.packages) and any(
        one and (one.content or "").startswith(WRITTEN_BY_US) for one in drop_ins
    )


def with_engine(known: State, stack: Stack, found_files: Mapping[str, FoundFile | None]) -> State:
    """Return ``known`` with the engine as ours where it is.

    Its files are taken to be what it was started with where they are as declared: whoever writes them restarts it.
    """
    if known.engine_packages or not engine_is_ours(stack, found_files):
        return known
    wanted = {file.path: file.content for file in engine_setup.engine_files(stack)}
    same = all((found := found_files.get(path)) and found.content == text for path, text in wanted.items())
    configuration = engine_setup.configuration(stack) if same else ""
    return replace(known, engine_packages=list(stack.engine.packages), engine_configuration=configuration)


def with_containers(known: State, containers: Mapping[str, Mapping[str, Any]], references: Mapping[str, str]) -> State:
    """Return ``known`` with the services and images that the engine's containers tell of.

    ``references``: the declared images that the engine holds, with their ids. On somebody else's engine only those are
    ours that our containers run: the others may have been there before.
    """
    services, history = dict(known.services), dict(known.image_history)
    images = {*known.images, *(references if known.engine_packages else ())}
    for service, inspected in _ours(containers):
        identity, image = str(inspected.get("Id", "")), str(inspected.get("Image", ""))
        name = str((inspected.get("Config") or {}).get("Image", ""))
        if not services.get(service, ServiceMemory()).made:
            services[service] = replace(services.get(service, ServiceMemory()), made=identity)
        if image and not history.get(service):
            history[service] = [image]
        images |= {name} if references.get(name, image) == image else {image}  # its name may be a newer one's by now
    return replace(known, services=services, image_history=history, images=sorted(images - {""}))


def _ours(containers: Mapping[str, Mapping[str, Any]]) -> Iterable[tuple[str, Mapping[str, Any]]]:
    """Return the containers that this project made, by service; one of our names alone could be made by anybody."""
    for name, inspected in sorted(containers.items()):
        labels = (inspected.get("Config") or {}).get("Labels") or {}
        service = labels.get(container.SERVICE_LABEL, "")
        if container.SPEC_LABEL in labels and name == container.name_of(service):
            yield service, inspected
