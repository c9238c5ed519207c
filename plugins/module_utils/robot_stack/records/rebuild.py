"""What files of ours said, told again by the robot itself where they cannot be read.

Whose engine it is can be told by our drop-ins, which services are ours by the labels of containers. What was good there
before can be told by nobody: it is known again once a version has passed the gate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ..base import files
from ..base.roots import Roots
from ..engine.protocol import PREVIOUS, Driver, FoundContainer
from ..spec.model import Stack
from . import good_versions, state
from .state import ServiceRecord, State


def troubles(root: Path) -> dict[str, str]:
    """Return why files of ours below ``root`` cannot be read, by name; none: all of them can, or are not there."""
    found = {state.FILE: state.read(root)[1], good_versions.latest(root): good_versions.read(root)[1]}
    return {name: why for name, why in found.items() if why}


def engine_of(stack: Stack, driver: Driver, roots: Roots) -> State:
    """Return a state that knows whose engine this is: ours, where a drop-in of ours puts it below the ceiling."""
    wanted = driver.files(stack)
    found = {file.path: files.find(roots.path(file.path)) for file in wanted}
    if not any(found[file.path] for file in wanted if file.path != driver.settings_file):
        return State()
    same = all(files.equal(file, found[file.path]) for file in wanted)
    return State(list(stack.engine.packages), driver.configuration(stack) if same else "")


def with_services(known: State, containers: Mapping[str, FoundContainer]) -> State:
    """Return ``known`` with the services whose containers bear our label, and with their images."""
    for name, container in sorted(containers.items()):
        if name.endswith(PREVIOUS):
            continue
        record = ServiceRecord(container=container.id, deployed_at=container.created_at)
        history = {**known.image_history, container.service: [container.image]}
        images = sorted({*known.images, container.image_name})
        known = replace(known.with_service(container.service, record), image_history=history, images=images)
    return known
