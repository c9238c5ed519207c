"""Plans the container engine: its packages and settings where it is ours, and that it is there after the next boot."""

from __future__ import annotations

from ..base import files
from ..engine.protocol import unit_of
from ..host import platforms
from ..spec.model import Stack
from ..spec.needs import PackagesNeed
from .actions import EnableEngine, InstallPackages, RestartEngine, WriteEngineFile
from .observe import Observed
from .step import Step, line_diff


def make(stack: Stack, seen: Observed) -> list[Step]:
    """Return what makes the engine as declared."""
    steps: list[Step] = []
    absent = not (seen.engine.installed or seen.engine.running)
    if not (seen.ours or absent):
        return _at_boot(seen)  # somebody else's engine: used, never configured
    for file in seen.driver.files(stack):
        found = seen.found_files.get(file.path)
        if not files.equal(file, found):
            keep = file.path == seen.driver.settings_file and seen.settings_before is not None
            words = f"write {file.path}{_kept(stack, seen) if keep else ''}"
            action = WriteEngineFile(file, seen.settings_before if keep else None)
            steps.append(Step(action, file.path, words, files.difference(file, found)))
    missing = seen.engine.missing_packages
    if missing:
        names = ", ".join(missing)
        declared = platforms.named(seen.robot.platform).bare(stack.engine.packages)
        replaces = not set(seen.state.engine_packages) <= set(declared)
        need = PackagesNeed(tuple(missing), seen.robot.platform, replaces=replaces)
        return [*steps, Step(InstallPackages(need), names, f"install {names}")]
    steps += _at_boot(seen)
    if not seen.driver.units:
        return steps  # it has no process that could run, or run with other settings
    if not seen.engine.running or seen.state.engine_configuration != seen.driver.configuration(stack):
        words = "restart the container engine (containers keep running)"
        if not seen.engine.running:
            words = f"start the container engine ({seen.engine.silence}); what else is to do is planned after that"
        steps.append(Step(RestartEngine(seen.driver.configuration(stack)), seen.driver.units[-1], words))
    return steps


def _kept(stack: Stack, seen: Observed) -> str:
    """Say what becomes of the settings that its owner had there; a removal puts them back."""
    instead = seen.driver.instead_of(stack)
    kept = [name for name in seen.driver.before if name not in instead]
    words = [f"keeping its owner's {', '.join(sorted(kept))}"] if kept else []
    words += [f"in place of its owner's {', '.join(instead)}"] if instead else []
    return f", {' and '.join(words)}" if words else ""


def _at_boot(seen: Observed) -> list[Step]:
    """Whoever installed it: an engine that is not started at the next boot would take the stack along."""
    masked, lost, name = seen.engine.masked, seen.engine.lost_at_boot(seen.driver), unit_of(seen.driver)
    if not (masked or lost):
        return []
    why = f"{', '.join(masked)} {'is' if len(masked) == 1 else 'are'} masked" if masked else f"{name} is {lost}"
    words = f"have the container engine start at the next boot: {why}"
    diff = line_diff(name, "at the next boot", lost or "masked", "enabled")
    return [Step(EnableEngine(tuple(masked)), name, words, diff)]
