"""Plans to take the stack off a robot again: what this project made goes, data and engine stay unless told otherwise.

Pure, like `plan`. With a scope only those services go; without one also the slices and the engine's settings.
"""

from __future__ import annotations

from . import container, engine_setup
from .observe import Observed
from .plan import Plan, Step
from .spec import Stack
from .state import FILE


def make(stack: Stack, seen: Observed) -> Plan:
    """Return the steps, in an order that leaves nothing running without its ceiling."""
    if stack.remove_engine and seen.foreign_containers:
        names = ", ".join(seen.foreign_containers)
        return Plan([], [f"remove_engine: the engine also runs {names}, which are not ours: remove them first"])
    steps = _containers(stack, seen) + _images(stack, seen) + _directories(stack, seen)
    if not stack.scope:
        steps += _engine(stack, seen)
    return Plan(steps + _slices(stack, seen) + _rest(stack, seen), [])


def _containers(stack: Stack, seen: Observed) -> list[Step]:
    return [
        Step("stop", name, f"stop and remove container {name}")
        for name, inspected in sorted(seen.containers.items())
        if stack.in_scope(inspected["Config"]["Labels"][container.SERVICE_LABEL])
    ]


def _images(stack: Stack, seen: Observed) -> list[Step]:
    scoped = {service.image for service in stack.scoped_services}
    return [
        Step("drop-image", reference, f"remove image {reference}")
        for reference in seen.state.images
        if (not stack.scope or reference in scoped) and reference in seen.delivered_images
    ]


def _directories(stack: Stack, seen: Observed) -> list[Step]:
    steps = []
    for name in seen.own_directories:
        path = f"{stack.budget.root}/{name}"
        if name == "staging":
            steps += [Step("drop-directory", path, f"remove {path}")] if not stack.scope else []
        elif stack.in_scope(name) and stack.remove_data:
            steps.append(Step("drop-directory", path, f"remove {path} with its data"))
        elif stack.in_scope(name) and f"{name}/config" in seen.own_directories[name]:
            steps.append(Step("drop-directory", f"{path}/config", f"remove {path}/config (its data stays)"))
    return steps


def _engine(stack: Stack, seen: Observed) -> list[Step]:
    if not seen.ours:
        return []
    steps = []
    if stack.remove_engine:
        names = list(seen.state.engine_packages)
        needs = {"kind": "purge", "names": names} if set(names) - set(seen.engine.missing_packages) else {}
        if needs:
            steps.append(
                Step(
                    "purge",
                    ", ".join(names),
                    f"remove {', '.join(names)}, which this project installed",
                    needs=needs,
                )
            )
    gone = [
        file.path
        for file in engine_setup.engine_files(stack)
        if seen.found_files.get(file.path) and (stack.remove_engine or file.path != engine_setup.DAEMON_JSON)
    ]
    steps += [Step("drop-file", path, f"remove {path}") for path in gone]
    if gone and not stack.remove_engine:
        steps.append(Step("engine-leave", "docker", "restart the container engine outside the stack's ceiling"))
    if stack.remove_engine and seen.engine_data:
        steps.append(Step("drop-directory", "/var/lib/docker", "remove the engine's own store, /var/lib/docker"))
    return steps


def _slices(stack: Stack, seen: Observed) -> list[Step]:
    prefix = stack.budget.slice[: -len(".slice")]
    steps = []
    for name in seen.own_units:  # sorted, "-" stands before ".": children go before their parent
        service = name[len(prefix) + 1 : -len(".slice")]
        if not stack.scope or service in stack.scope:
            steps.append(Step("drop-slice", name, f"remove slice {name}"))
    return steps


def _rest(stack: Stack, seen: Observed) -> list[Step]:
    """The state file goes when nothing is left that it speaks of: no data, no engine of ours."""
    speaks = seen.own_state and not stack.scope
    if not speaks or (seen.ours and not stack.remove_engine):
        return []
    return [Step("drop-file", f"{stack.budget.root}/{FILE}", f"remove {stack.budget.root}/{FILE}")]
