"""Plans the watchdog: its program, its settings, what it knows of each service, and that it runs. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from ..base import files, program
from ..engine.protocol import name_of, unit_of
from ..spec.model import Service, Stack
from ..watchdog import own_program
from ..watchdog import setup as watchdog_setup
from .observe import Observed
from .step import Step

# a watchdog that missed this many looks, and at least this long, does not run
LOOKS_MISSED = 4
SHORTEST_SILENCE_SECONDS = 180.0


def make(stack: Stack, seen: Observed) -> list[Step]:
    """Return what makes the watchdog run as declared."""
    steps = []
    driver = seen.driver
    for file in watchdog_setup.settings(stack, unit_of(driver), seen.own_engine, driver.writes):
        found = seen.found_files.get(file.path)
        if not watchdog_setup.says(file, found):
            steps.append(Step("watchdog-file", file.path, f"write {file.path}", files.difference(file, found), file))
    words = _why(stack, seen, bool(steps))
    timer = seen.units.get(watchdog_setup.TIMER)
    request = {"masked": bool(timer and timer.masked)}
    return [*steps, Step("watchdog", watchdog_setup.TIMER, words, request=request)] if words else steps


def _why(stack: Stack, seen: Observed, rewritten: bool) -> str:
    wanted = program.digest(own_program.contents())
    patience = max(LOOKS_MISSED * stack.watchdog_interval_seconds, SHORTEST_SILENCE_SECONDS)
    silent = seen.watchdog_silent_seconds
    every = f"looks every {stack.watchdog_interval_seconds} s"
    if seen.watchdog_program != wanted:
        return f"{'update' if seen.watchdog_program else 'install'} the watchdog ({every})"
    if rewritten:
        return f"restart the watchdog ({every})"
    timer = seen.units.get(watchdog_setup.TIMER)
    if timer and timer.there and not timer.runs:
        return f"start the watchdog: {timer.words}"
    if timer and timer.lost_at_boot:
        return f"start the watchdog at boot, too: {timer.name} is {timer.lost_at_boot}"
    return f"start the watchdog: it has not looked for {silent:.0f} s" if silent and silent > patience else ""


def of_service(stack: Stack, service: Service, seen: Observed) -> list[Step]:
    """Return what tells the watchdog of a service, after its container is as declared."""
    file = watchdog_setup.service_settings(stack, service)
    found = seen.found_files.get(file.path)
    if watchdog_setup.says(file, found):
        return []
    summary = f"have the watchdog look after {service.name}"
    return [Step("watch", service.name, summary, files.difference(file, found), file)]


def forgotten(names: Iterable[str], seen: Observed) -> list[Step]:
    """Return what ends the look at services that go: those of ``names`` without a container, whose removal ends it."""
    left = {container.service for name, container in seen.containers.items() if name == name_of(container.service)}
    words = "have the watchdog look after {} no more"
    return [Step("unwatch", name, words.format(name)) for name in names if name in seen.watched and name not in left]
