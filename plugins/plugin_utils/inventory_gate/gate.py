"""Every check of a robot's declaration, in one call."""

from __future__ import annotations

from . import (
    budget,
    cluster,
    engine,
    exposure,
    extras,
    floors,
    foreign,
    hub,
    identity,
    listeners,
    names,
    places,
    program_flags,
    rule_groups,
    scraping,
    stopped,
    telemetry,
    unknown_variables,
    values,
    waves,
    word,
)
from .declaration import Catalogue, Fault, Robot

# a robot that the stack leaves, or that goes back to what it had, needs no sum that comes out, and no image
UNCOUNTED = word.UNCOUNTED


def check(robot: Robot, catalogue: Catalogue) -> list[Fault]:
    """Return everything that is wrong with what ``robot``, or the host of a hub, declares."""
    faults = names.check(robot) + values.check(robot, catalogue) + unknown_variables.check(robot, catalogue)
    faults += waves.check(robot)
    if robot.values.get("robot_stack_state") in UNCOUNTED:
        return faults
    faults += floors.check(robot) + budget.check(robot) + exposure.check(robot)
    faults += program_flags.check(robot) + extras.check(robot) + scraping.check(robot) + listeners.check(robot)
    faults += rule_groups.check(robot) + stopped.check(robot) + engine.check(robot, catalogue) + places.check(robot)
    faults += foreign.check(robot, catalogue, [fault.variable for fault in faults])
    if not robot.is_hub:
        return faults + telemetry.check(robot)
    return faults + hub.check(robot) + identity.check(robot) + cluster.alone(robot)
