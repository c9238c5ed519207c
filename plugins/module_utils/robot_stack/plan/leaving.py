"""Plans how a robot leaves an engine of another kind: first each container, once its service runs on the new one.

Pure. What goes for good waits until nothing of ours runs there any more: such steps are `later`, and are planned anew
then. Data stays; an engine that was somebody else's, or that somebody else uses, stays as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..engine.protocol import PREVIOUS
from ..host import systemd
from ..records.state import State
from ..spec.model import Stack
from . import engine_removal
from .actions import DropSlice, ForgetEngine, MakeContainer, RemoveLeftContainer, RemoveLeftImage
from .found_left import Left
from .observe import Observed
from .step import Step


def refusals(stack: Stack, seen: Observed) -> list[str]:
    """Return why the former engine cannot be left in this run."""
    left = seen.left
    if left is None:
        return []
    before, now = left.driver.name, seen.driver.name
    if left.silence:
        return [
            f"its container engine changes from {before} to {now}, and {before} does not say what is on it "
            f"({left.silence}): have it run, and run again"
        ]
    if stack.scope and left.containers:
        return [f"its container engine changes from {before} to {now}, and with it all services: run without --tags"]
    return []


def make(stack: Stack, seen: Observed, before: Sequence[Step]) -> list[Step]:
    """Return what takes ours off the former engine, and that engine off the robot where it was ours.

    A container goes with the step that makes its successor; where ``before`` holds no such step, there is none, or it
    is as declared already and a run was cut off behind it.
    """
    left = seen.left
    if left is None or left.silence or stack.scope:
        return []
    replaced = {step.subject for step in before if isinstance(step.action, MakeContainer)}
    gone = [one.name for one in left.containers.values() if one.service not in replaced or one.name.endswith(PREVIOUS)]
    rest = _rest(stack, seen, left, engine=True)
    later = [replace(step, later=True) for step in rest]
    return _containers(left, gone) + (later if left.containers else rest)


def removal(stack: Stack, seen: Observed) -> list[Step]:
    """Return what a removal does with what a change of the engine, cut off, has left on the former one."""
    left = seen.left
    if left is None or left.silence or stack.scope:
        return []
    return _containers(left, list(left.containers)) + _rest(stack, seen, left, engine=stack.remove_engine)


def _containers(left: Left, names: Sequence[str]) -> list[Step]:
    words = f"of {left.driver.name} (its data stays)"
    return [Step(RemoveLeftContainer(), name, f"stop and remove container {name} {words}") for name in names]


def _rest(stack: Stack, seen: Observed, left: Left, engine: bool) -> list[Step]:
    name = left.driver.name
    steps = [Step(RemoveLeftImage(), one, f"remove image {one} from {name}") for one in left.images]
    if not engine:
        return steps
    steps += _engine(stack, seen, left) + _slice(stack, seen)
    stays = f", which stays for what is not this project's ({', '.join(left.foreign)})" if left.foreign else ""
    left_behind = Step(ForgetEngine(tuple(left.driver.units)), name, f"leave {name}{stays}")
    return steps + ([left_behind] if seen.state.former_kind else [])


def _slice(stack: Stack, seen: Observed) -> list[Step]:
    """Nothing is left in the engine's slice where the engine of now is somebody else's."""
    name = systemd.child_slice(stack.budget.slice, "engine")
    stale = name in seen.own_units and not seen.own_engine
    return [Step(DropSlice(), name, f"remove slice {name}")] if stale and stack.state != "absent" else []


def _engine(stack: Stack, seen: Observed, left: Left) -> list[Step]:
    """The steps of a removal of the engine, as if it were still the robot's."""
    known = seen.state
    enabled = known.enabled_unit if known.enabled_unit in left.driver.units else ""
    former = State(engine_packages=known.former_packages, enabled_unit=enabled)
    as_it_was = replace(
        seen,
        state=former,
        driver=left.driver,
        engine=replace(seen.engine, installed=True, missing_packages=left.missing_packages),
        found_files=left.files,
        settings_before=left.settings_before,
        store=left.store,
        engine_data=left.engine_data,
        store_holds=left.store_holds,
    )
    return engine_removal.make(replace(stack, remove_engine=not left.foreign), as_it_was)
