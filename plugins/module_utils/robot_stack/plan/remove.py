"""Plans to take the stack off a robot again: what this project made goes, data and engine stay unless told otherwise.

Pure, like `plan`. With a scope only those services go; without one also the slices and the engine's settings.
"""

from __future__ import annotations

from ..records import job_record
from ..records.state import FILE
from ..spec.model import Stack
from ..watchdog import own_program
from ..watchdog import setup as watchdog_setup
from . import elsewhere, engine_removal, kept, preflight
from . import watchdog as watchdog_steps
from .actions import (
    DropJob,
    DropSlice,
    RemoveDirectory,
    RemoveFile,
    RemoveImage,
    RemoveRoot,
    RemoveService,
    RemoveWatchdog,
)
from .observe import Observed
from .plan import Plan
from .step import Step


def make(stack: Stack, seen: Observed) -> Plan:
    """Return the steps, in an order that leaves nothing running without its ceiling."""
    refusals = preflight.other_name(stack, seen) + preflight.mounts(seen) + _refusals(stack, seen)
    if refusals:
        return Plan([], refusals)
    steps = (
        _watchdog(stack, seen)
        + _jobs(stack, seen)
        + _containers(stack, seen)
        + watchdog_steps.forgotten(stack.scope, seen)
        + _images(stack, seen)
        + _directories(stack, seen)
    )
    if not stack.scope:
        steps += engine_removal.make(stack, seen)
    return Plan(steps + _slices(stack, seen) + _rest(stack, seen), [])


def _refusals(stack: Stack, seen: Observed) -> list[str]:
    """Return what would be lost, or left behind."""
    if seen.engine.unobserved and (seen.own_state or seen.own_directories):
        # its store holds our containers, which it would start again, and maybe somebody else's
        return [preflight.silent(seen)]
    found = elsewhere.reasons(stack, seen) + kept.removal(stack, seen)
    if not stack.remove_engine:
        return found
    if seen.foreign_containers:
        names = ", ".join(seen.foreign_containers)
        found.append(f"remove_engine: the engine also runs {names}, which are not ours: remove them first")
    if seen.foreign_volumes:
        names = ", ".join(seen.foreign_volumes)
        found.append(f"remove_engine: the engine also keeps the volumes {names}, which are not ours: remove them first")
    if seen.foreign_images and engine_removal.takes_store(seen):
        names = ", ".join(seen.foreign_images)
        found.append(f"remove_engine: the engine also keeps the images {names}, which are not ours: remove them first")
    if seen.engine_users:
        names = ", ".join(seen.engine_users)
        found.append(f"remove_engine: others need the engine as well ({names}): have them need it no more first")
    return found


def _watchdog(stack: Stack, seen: Observed) -> list[Step]:
    """First of all: it would restart what is being stopped."""
    if stack.scope or not seen.own_watchdog:
        return []
    return [Step(RemoveWatchdog(), watchdog_setup.TIMER, "stop and remove the watchdog")]


def _jobs(stack: Stack, seen: Observed) -> list[Step]:
    """What a timer would start again goes before its container; what it has made stays."""
    return [
        Step(DropJob(settings=True), name, f"start {name} no more (its backups stay)")
        for name in seen.jobs.names
        if stack.in_scope(name)
    ]


def _containers(stack: Stack, seen: Observed) -> list[Step]:
    return [
        Step(RemoveService(), name, f"stop and remove container {name}")
        for name, container in sorted(seen.containers.items())
        if stack.in_scope(container.service) and not container.objection
    ]


def _images(stack: Stack, seen: Observed) -> list[Step]:
    scoped = {service.image for service in stack.scoped_services}
    return [
        Step(RemoveImage(), reference, f"remove image {reference}")
        for reference in seen.delivered_images
        if not stack.scope or reference in scoped
    ]


def _directories(stack: Stack, seen: Observed) -> list[Step]:
    steps = []
    for name in seen.own_directories:
        path = f"{stack.budget.root}/{name}"
        if name in ("staging", own_program.NAME, job_record.FOLDER):
            steps += [Step(RemoveDirectory(), path, f"remove {path}")] if not stack.scope else []
        elif stack.in_scope(name) and stack.remove_data:
            steps.append(Step(RemoveDirectory(), path, f"remove {path} with its data"))
        elif stack.in_scope(name) and f"{name}/config" in seen.own_directories[name]:
            steps.append(Step(RemoveDirectory(), f"{path}/config", f"remove {path}/config (its data stays)"))
    return steps


def _slices(stack: Stack, seen: Observed) -> list[Step]:
    prefix = stack.budget.slice[: -len(".slice")]
    steps = []
    for name in seen.own_units:  # sorted, "-" stands before ".": children go before their parent
        service = name[len(prefix) + 1 : -len(".slice")]
        if not stack.scope or service in stack.scope:
            steps.append(Step(DropSlice(), name, f"remove slice {name}"))
    return steps


def _rest(stack: Stack, seen: Observed) -> list[Step]:
    """The state file goes when nothing is left that it speaks of, neither data nor an engine of ours."""
    root = stack.budget.root
    if stack.scope:
        return []
    forgotten = [Step(RemoveFile(), f"{root}/{name}", f"remove {root}/{name}") for name in seen.own_records]
    if engine_removal.stays(stack, seen) or (seen.state.former_packages and not stack.remove_engine):
        return forgotten
    if seen.own_state:
        forgotten.append(Step(RemoveFile(), f"{root}/{FILE}", f"remove {root}/{FILE}"))
    if stack.remove_data and (seen.own_state or seen.own_directories):
        forgotten.append(Step(RemoveRoot(), root, f"remove {root}, unless it holds anything else"))
    return forgotten
