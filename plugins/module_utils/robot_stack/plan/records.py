"""What to do where files of ours cannot be read: they are set aside, and made again from what is true on the robot.

Whose engine it is can be told by our drop-ins, which services are ours by the labels of containers. What was good there
before can be told by nobody: it is known again once a version has passed the gate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..base import files
from ..base.roots import Roots
from ..engine.protocol import PREVIOUS, Driver, FoundContainer
from ..records import good_versions, state
from ..records.state import ServiceRecord, State
from ..spec.model import Stack
from .step import Step

if TYPE_CHECKING:
    from .observe import Observed


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


def steps(stack: Stack, seen: Observed) -> list[Step]:
    """Return what makes the robot's records readable again."""
    found = []
    for name, why in sorted(seen.troubles.items()):
        if stack.state == "absent" and name != state.FILE:
            continue  # it is about to go
        path = f"{stack.budget.root}/{name}"
        words = f"set {path} aside, which cannot be read ({why}), and make it again from what runs here"
        if name != state.FILE:
            words = f"set {path} aside, of which not all can be read ({why}): what else was good here is not known"
        found.append(Step("records", name, words, request={"state": seen.state} if name == state.FILE else {}))
    return found
