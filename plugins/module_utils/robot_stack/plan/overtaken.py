"""Tells what another run has declared of a robot since this one made it as declared. Pure.

What somebody changed by hand is something else: it is of this declaration, and differs from it. So a container that is
gone was removed by a run only where the watchdog looks after it no more: a run ends that look before it removes one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from ..base.files import FoundFile
from ..engine.protocol import name_of
from ..host import systemd
from ..spec.model import Service, Stack
from ..watchdog import setup as watchdog_setup
from . import plan
from .observe import Observed

OTHER, ADDED, REMOVED = "declared something else", "declared it", "removed it"
STOPPED, STARTED = "declared it as stopped", "declared that it runs"


@dataclass(frozen=True)
class Overtaken:
    """What is of another declaration (a service, "engine" or "stack"), and what the other run did with it."""

    subject: str
    did: str

    @property
    def noted(self) -> bool:
        """Whether the robot remembers when that was; a removal forgets more than it notes."""
        return self.did != REMOVED


def found(stack: Stack, seen: Observed) -> list[Overtaken]:
    """Return what is of another declaration than ``stack``, to which this robot was made equal a moment ago."""
    told = [Overtaken(service.name, _of_service(stack, service, seen)) for service in stack.running_services]
    told += [Overtaken(name, ADDED) for name in _added(stack, seen)]
    if seen.left and seen.left.containers:  # this run had left that engine, or there was none
        told.append(Overtaken("engine", OTHER))
    units = systemd.slice_units(stack, seen.robot.hierarchy.version, seen.own_engine, seen.driver.units)
    there = seen.found_files.get(units[0].path)  # the ceiling's
    ours = there is not None and (there.content or "").startswith(systemd.WRITTEN_BY_US)
    if ours and there and there.content != units[0].content:
        told.append(Overtaken("stack", OTHER))
    return [one for one in told if one.did]


def _of_service(stack: Stack, service: Service, seen: Observed) -> str:
    """Return what another run did with a service; "": nothing."""
    container = seen.containers.get(name_of(service.name))
    if container is None and service.name not in seen.watched:
        return REMOVED
    settings = seen.found_files.get(watchdog_setup.service_settings_path(stack.budget.root, service.name))
    wanted, kept = stack.keeps_stopped(service.name), _kept_stopped(settings)
    if kept is not None and kept != wanted:
        return STOPPED if kept else STARTED
    if wanted or container is None or not container.spec:  # what is kept stopped is left as it is otherwise
        return ""
    spec = seen.driver.spec_of(plan.request_of(stack, service, seen))
    return OTHER if container.spec != spec else ""


def _kept_stopped(settings: FoundFile | None) -> bool | None:
    """Whether the watchdog is told to leave a service stopped; None: it is told nothing that can be read."""
    try:
        about = json.loads(settings.content or "") if settings else None
    except (ValueError, RecursionError):
        return None
    return about.get("stopped") is True if isinstance(about, dict) else None


def _added(stack: Stack, seen: Observed) -> list[str]:
    """Return the services that run and that a declaration of everything does not have."""
    there = {container.service for container in seen.containers.values() if container.spec}
    undeclared = [name for name in seen.watched if stack.service(name) is None and name in there]
    return [] if stack.scope else undeclared
