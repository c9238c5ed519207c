"""Every check of a robot's declaration, in one call."""

from __future__ import annotations

from . import budget, floors, names, reach, values
from .declaration import Catalogue, Fault, Robot

LEAVING = "absent"  # a robot that the stack leaves needs no sum that comes out


def check(robot: Robot, catalogue: Catalogue) -> list[Fault]:
    """Return everything that is wrong with what ``robot`` declares."""
    faults = values.check(robot, catalogue) + names.check(robot, catalogue)
    if robot.values.get("robot_stack_state") == LEAVING:
        return faults
    return faults + floors.check(robot) + budget.check(robot) + reach.check(robot)
