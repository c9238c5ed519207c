"""Plans how an engine leaves a robot where it is ours, and how it is left as it was before where it is not. Pure."""

from __future__ import annotations

from ..engine.protocol import unit_of
from ..spec.model import Stack
from ..spec.needs import PurgeNeed
from .observe import Observed
from .step import Step


def make(stack: Stack, seen: Observed) -> list[Step]:
    """Return what takes the engine off the robot where it is ours, or leaves it as it was before."""
    if not seen.ours:
        name = seen.state.enabled_unit
        words = f"have {name} not start at boot, as before"
        return [Step("engine-disable", name, words)] if name else []
    steps = []
    if stack.remove_engine:
        names = list(seen.state.engine_packages)
        if set(names) - set(seen.engine.missing_packages):
            words = f"remove {', '.join(names)}, which this project installed"
            steps.append(Step("purge", ", ".join(names), words, need=PurgeNeed(tuple(names), seen.robot.platform)))
    gone = [
        file.path
        for file in seen.driver.files(stack)
        if seen.found_files.get(file.path) and (stack.remove_engine or file.path != seen.driver.settings_file)
    ]
    kept, settings = seen.settings_before, seen.driver.settings_file
    if kept is not None:
        gone = [path for path in gone if path != settings]
        if stack.remove_engine or seen.found_files.get(settings) != kept:
            words = f"put {settings} back as its owner had it"
            request = {"keep": kept, "forget": stack.remove_engine}
            steps.append(Step("put-back", settings, words, request=request))
    steps += [Step("drop-file", path, f"remove {path}") for path in gone]
    if gone and seen.driver.units and not stack.remove_engine:
        steps.append(
            Step(
                "engine-leave",
                unit_of(seen.driver),
                "restart the container engine outside the stack's ceiling",
                request={"units": list(seen.driver.units)},
            )
        )
    # a folder that somebody has chosen, such as a disk's, may hold more than what the engine has put there
    if stack.remove_engine and seen.engine_data and f"{seen.store}/".startswith(f"{seen.driver.usual_store}/"):
        words = f"remove the engine's own store, {seen.store}"
        steps.append(Step("drop-directory", seen.store, words, request={"unmount": True}))
    return steps
