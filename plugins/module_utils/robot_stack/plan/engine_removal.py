"""Plans how an engine leaves a robot where it is ours, and how it is left as it was before where it is not. Pure."""

from __future__ import annotations

from ..engine.protocol import unit_of
from ..host import platforms
from ..spec.model import Stack
from ..spec.needs import PurgeNeed
from .actions import DisableEngine, KeepStore, PurgePackages, PutBack, RemoveDirectory, RemoveFile, RestartOutside
from .observe import Observed
from .step import Step


def takes_store(seen: Observed) -> bool:
    """Whether the store goes with our engine; a folder that somebody has chosen, such as a disk's, may hold more."""
    return seen.ours and f"{seen.store}/".startswith(f"{seen.driver.usual_store}/")


def stays(stack: Stack, seen: Observed) -> bool:
    """Whether an engine of ours, or a part of it, is on the robot after a removal of the stack."""
    return seen.ours and not stack.remove_engine and (_there(seen) or bool(_installed(seen)))


def _there(seen: Observed) -> bool:
    return seen.engine.installed or seen.engine.running


def _installed(seen: Observed) -> list[str]:
    """Return those packages of ours that are there: an installation may have failed, an owner may have removed some."""
    bare = platforms.named(seen.robot.platform).bare
    missing = set(bare(seen.engine.missing_packages))
    return [name for name in bare(seen.state.engine_packages) if name not in missing]


def make(stack: Stack, seen: Observed) -> list[Step]:
    """Return what takes the engine off the robot where it is ours, or leaves it as it was before."""
    if not seen.ours:
        return _disabled(seen)
    steps = []
    goes = not stays(stack, seen)
    if stack.remove_engine:
        names = _installed(seen)
        if names:
            words = f"remove {', '.join(names)}, which this project installed"
            purge = PurgePackages(PurgeNeed(tuple(names), seen.robot.platform))
            steps.append(Step(purge, ", ".join(names), words))
    gone = [
        file.path
        for file in seen.driver.files(stack)
        if seen.found_files.get(file.path) and (goes or file.path != seen.driver.settings_file)
    ]
    kept, settings = seen.settings_before, seen.driver.settings_file
    if kept is not None:
        gone = [path for path in gone if path != settings]
        if goes or seen.found_files.get(settings) != kept:
            words = f"put {settings} back as its owner had it"
            steps.append(Step(PutBack(kept, goes), settings, words))
    steps += [Step(RemoveFile(), path, f"remove {path}") for path in gone]
    if gone and seen.driver.units and not goes and _there(seen):
        words = "restart the container engine outside the stack's ceiling"
        steps.append(Step(RestartOutside(tuple(seen.driver.units)), unit_of(seen.driver), words))
    if stack.remove_engine and seen.engine_data:
        steps.append(_store(seen))
    return steps


def _disabled(seen: Observed) -> list[Step]:
    """Return what undoes that we had somebody else's engine start at boot; its owner may have removed it since."""
    name = seen.state.enabled_unit
    unit = seen.units.get(name)
    if not name or (unit is not None and unit.load == "not-found"):
        return []
    return [Step(DisableEngine(), name, f"have {name} not start at boot, as before")]


def _store(seen: Observed) -> Step:
    """Return what becomes of the engine's store: what others would miss in it was looked for by whoever ``seen``."""
    if not takes_store(seen):
        return Step(KeepStore(), seen.driver.name, f"leave {seen.store}, a folder that somebody chose for its store")
    if seen.store_holds:
        names = ", ".join(seen.store_holds)
        return Step(KeepStore(), seen.driver.name, f"leave {seen.store}: it holds {names}, which are not ours")
    return Step(RemoveDirectory(unmount=True), seen.store, f"remove the engine's own store, {seen.store}")
