"""Takes the power from a robot under test, and gives it back."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from waiting import PATIENCE_SECONDS, patience, until

from testbed.machines import control

PROJECT = Path(__file__).resolve().parents[2]

IMAGE = "python:3.13-alpine3.23"  # any with Python; this one is there already
# What the page cache holds of the robot's images goes, as it does when a machine loses its power. The machine that
# plays the robot keeps it otherwise: program text would be free after the "boot", and charged to nobody's limit.
FORGET = """
import os
for folder, _, names in os.walk("/var/lib/docker"):
    for name in names:
        path = os.path.join(folder, name)
        if os.path.isfile(path) and not os.path.islink(path):
            file = os.open(path, os.O_RDONLY)
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(file)
"""


def cut(robot: Any) -> None:
    """Kill the robot, whole, in one blow: its process 1, and with it everything, or its QEMU; then let it start."""
    fleet = robot.variables["testbed_fleet"]
    if robot.variables.get("testbed_kind") == "machine":
        control.cut(PROJECT / ".testbed" / fleet / robot.name)
        return
    machine = f"testbed-{fleet}-{robot.name}"
    subprocess.run(["docker", "kill", machine], check=True, capture_output=True)
    forget = ["docker", "run", "--rm", "--network", "none", "--volumes-from", f"{machine}:ro", IMAGE]
    subprocess.run([*forget, "python3", "-c", FORGET], check=True, capture_output=True, timeout=PATIENCE_SECONDS)
    subprocess.run(["docker", "start", machine], check=True, capture_output=True)


def wait_until(robot: Any, command: str) -> None:
    """Wait until a command succeeds on a robot that may not even answer yet. Raises AssertionError."""

    def succeeds() -> bool:
        try:
            robot.run(command)
        except (AssertionError, RuntimeError):  # it failed there; no SSH yet
            return False
        return True

    until(succeeds, f"{robot.name}: {command}", patience(robot))
