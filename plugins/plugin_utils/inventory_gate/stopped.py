"""Services that shall stay stopped are among those that the robot has: a slip of the pen would stop nothing."""

from __future__ import annotations

from .declaration import Fault, Robot, fault
from .hub import JOBS

STOPPED = "robot_stack_stopped_services"


def check(robot: Robot) -> list[Fault]:
    """Return the names that are none of ``robot``'s services."""
    listed = robot.values.get(STOPPED)
    names = [name for name in listed if isinstance(name, str)] if isinstance(listed, (list, tuple)) else []
    # a hub's jobs come and go: while one restores, the other one is none of its services, and it stays stopped
    known_later = JOBS if robot.is_hub else ()
    unknown = [name for name in names if name not in (*robot.services, *known_later)]
    known = ", ".join(robot.services) or "none"
    return [
        fault(robot, STOPPED, f"{name} is no service of this robot", f"its services are: {known}") for name in unknown
    ]
