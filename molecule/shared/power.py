"""Takes the power from a robot under test, and gives it back."""

from __future__ import annotations

import subprocess
from typing import Any

from waiting import PATIENCE_SECONDS, until

IMAGE = "python:3.13-alpine3.23"  # any with Python; this one is there already
# What the page cache holds of the robot's images and data goes, as it does when a machine loses its power. The machine
# that plays the robot keeps it otherwise: program text would be free after the "boot", and charged to nobody's limit,
# and a database would find in memory what it must read from the disk. Only what is on the disk can go from there.
DISK = "/disk"  # what the robot has written beside its volumes
DATA = f"{DISK}/var/lib/robot-stack"
FORGET = f"""
import os
def forget(folder):
    count = 0
    for here, _, names in os.walk(folder):
        for path in (os.path.join(here, name) for name in names):
            if os.path.isfile(path) and not os.path.islink(path):
                file = os.open(path, os.O_RDONLY)
                if folder == "{DATA}":
                    os.fsync(file)
                os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
                os.close(file)
                count += 1
    return count
forget("/var/lib/docker")
print(forget("{DATA}"))
"""


def cut(robot: Any) -> int:
    """Kill process 1 of the robot, and with it everything, in one blow; then let it start.

    Return how many files of the stack's data are read from the disk again: 0 where the machine's engine does not tell
    where it keeps what a container writes (it does with overlay2).
    """
    machine = f"testbed-{robot.variables['testbed_fleet']}-{robot.name}"
    subprocess.run(["docker", "kill", machine], check=True, capture_output=True)
    told = ["docker", "inspect", "--format", "{{with .GraphDriver.Data}}{{.UpperDir}}{{end}}", machine]
    disk = subprocess.run(told, check=True, capture_output=True, text=True).stdout.strip()
    shown = ["--volume", f"{disk}:{DISK}:ro"] if disk.startswith("/") else []
    forget = ["docker", "run", "--rm", "--network", "none", "--volumes-from", f"{machine}:ro", *shown, IMAGE]
    done = subprocess.run(
        [*forget, "python3", "-c", FORGET], check=True, capture_output=True, text=True, timeout=PATIENCE_SECONDS
    )
    subprocess.run(["docker", "start", machine], check=True, capture_output=True)
    return int(done.stdout)


def wait_until(robot: Any, command: str) -> None:
    """Wait until a command succeeds on a robot that may not even answer yet. Raises AssertionError."""

    def succeeds() -> bool:
        try:
            robot.run(command)
        except (AssertionError, RuntimeError):  # it failed there; no SSH yet
            return False
        return True

    until(succeeds, f"{robot.name}: {command}")
