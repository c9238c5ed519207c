"""Starts what should run and does not: a service that a crash or somebody by hand has left stopped, an engine of ours.

An engine starts again what ends; not what it found ended when it was itself started, and not what it was told to stop.
What is meant to stay stopped is declared (robot_stack_stopped_services). An engine that somebody stopped stays so: only
one that failed is started. What ended often some time ago, and runs well since, is started promptly again.
"""

from __future__ import annotations

import time
from dataclasses import replace
from subprocess import SubprocessError
from typing import Callable

from ..engine.protocol import PAUSED, STARTABLE, Engine, EngineError, name_of
from ..host import systemd, units
from ..host.systemd import CommandError, Run
from ..judge.readback import Reading
from ..records import failure_history
from ..spec.model import Service

STEADY_SECONDS = 300.0  # what has run for so long is not what keeps ending


def started(service: Service, reading: Reading, engine: Engine, say: Callable[[str], None]) -> Reading:
    """Start a service that should run and does not; return its reading with that in its account."""
    if reading.kept_stopped or reading.status not in (*STARTABLE, PAUSED):
        return reading
    name = name_of(service.name)
    try:
        before = engine.inspect(name)
        if before is None or before.status != reading.status:
            return reading  # it is being dealt with
        what = PAUSED if before.status == PAUSED else f"stopped (exit code {before.exit_code})"
        say(f"{service.name} is {what}, and not in robot_stack_stopped_services: starting it")
        if before.status == PAUSED:
            engine.resume(name)
        else:
            engine.start(name)
        after = engine.inspect(name)
    except EngineError as error:
        say(f"{service.name} could not be started: {error}")
        return reading
    restarts = after.restarts if after else 0
    record = failure_history.found_stopped(reading.record, what, time.time(), restarts)
    return replace(reading, record=record)


def promptly_again(reading: Reading, now: float, engine: Engine, say: Callable[[str], None]) -> None:
    """Have the next end of a service that runs well cost no longer wait than its first one did."""
    if reading.status != "running" or not reading.delayed or reading.ran(now) < STEADY_SECONDS:
        return
    try:
        engine.start_promptly(name_of(reading.name))
    except EngineError as error:
        say(f"{reading.name} will be started late after its next end: {error}")


def engine_started(unit: str, say: Callable[[str], None], run: Run | None = None) -> None:
    """Start an engine of ours that has failed; "": it is somebody else's."""
    ask = run or systemd.run
    try:
        found = units.observe([unit] if unit else [], ask).get(unit)
        if found is None or not found.failed or found.masked:
            return
        say(f"the container engine does not run ({found.words}): starting it")
        ask(["systemctl", "reset-failed", unit])  # what failed too often in a row may not be started
        ask(["systemctl", "--no-block", "start", unit])
    except (CommandError, OSError, SubprocessError) as error:
        say(f"the container engine could not be started: {error}")
