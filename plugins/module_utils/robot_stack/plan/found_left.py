"""The engine of another kind that a robot had before: what of ours is still on it. Reading only.

It is asked where the robot's state says that there was one, and for containers that bear our label, whatever that says.
Where the state says nothing, one that does not run is left alone: to connect to its socket would start it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..base import files as on_disk
from ..base.files import FoundFile
from ..base.roots import Roots
from ..engine.inventory import foreign_images
from ..engine.protocol import Driver, Engine, EngineError, FoundContainer, unit_of
from ..host import platforms
from ..host.units import Unit
from ..records.state import State
from ..spec import layout
from ..spec.model import Stack
from . import found_users


@dataclass(frozen=True)
class Left:
    """What is left on an engine that is no longer the robot's; `silence`: why it does not tell."""

    driver: Driver
    silence: str = ""
    containers: Mapping[str, FoundContainer] = field(default_factory=dict)  # of ours, by name
    images: list[str] = field(default_factory=list)  # of ours that it holds, by reference
    missing_packages: list[str] = field(default_factory=list)  # of those that this project installed for it
    files: Mapping[str, FoundFile | None] = field(default_factory=dict)  # of its configuration, by path
    settings_before: FoundFile | None = None  # what an owner had left there
    foreign: list[str] = field(default_factory=list)  # containers, volumes and images of others, and who else needs it
    store: str = ""
    engine_data: bool = False
    store_holds: list[str] = field(default_factory=list)  # of others, where no engine is there to tell of it


def find(stack: Stack, roots: Roots, other: Engine | None, known: State, told: Mapping[str, Unit]) -> Left | None:
    """Look at the ``other`` engine; None: nothing of ours was ever there, or is any more.

    ``told`` is what systemd says of its units.
    """
    if other is None or not _may_be_asked(other.driver, known, told):
        return None
    driver, expected = other.driver, bool(known.former_kind)
    there = driver.installed(roots)
    try:
        owned = {one.name: one for one in other.owned()} if there or not driver.units else {}
        if not (owned or expected):
            return None
        images = [reference for reference in known.former_images if other.image_id(reference)] if there else []
        images += [identity for identity in other.kept_images() if identity not in images] if there else []
        goes = there and bool(known.former_packages)
        store = roots.real(other.info().store if goes else driver.store(stack, roots))
        foreign = _foreign(stack, roots, other, owned, known, store) if goes else []
    except EngineError as error:
        return Left(driver, str(error)) if expected else None
    return Left(
        driver,
        "",
        owned,
        images,
        platforms.find(roots).missing(known.former_packages, roots),
        {file.path: on_disk.find(roots.path(file.path)) for file in driver.files(stack)},
        on_disk.find(roots.path(layout.before_path(stack))),
        foreign,
        store,
        roots.path(store).is_dir(),
        [] if there else driver.held(store, _our_images(stack, known), roots),
    )


def _may_be_asked(driver: Driver, known: State, told: Mapping[str, Unit]) -> bool:
    unit = told.get(unit_of(driver))
    return bool(known.former_kind) or not driver.units or (unit is not None and unit.runs)


def _our_images(stack: Stack, known: State) -> set[str]:
    return {*known.former_images, *(service.image for service in stack.services)}


def _foreign(
    stack: Stack, roots: Roots, other: Engine, owned: Mapping[str, FoundContainer], known: State, store: str
) -> list[str]:
    used = {volume for container in owned.values() for volume in container.volumes}
    users = found_users.find(other.driver, known.former_packages, store, roots)
    containers = [one.name for one in other.containers() if not one.service and one.name not in owned]
    ours = _our_images(stack, known) | {container.image for container in owned.values() if container.image}
    return sorted(
        [*users, *containers, *other.external(), *(set(other.volumes()) - used), *foreign_images(other, sorted(ours))]
    )
