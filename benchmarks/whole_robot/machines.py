"""The machines of this benchmark: one at a time, since emulated processors on the same cores slow each other."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from . import robot
from .looking import Say
from .robot import FailedError
from .variants import Variant

# create.yml waits for ten minutes until a machine lets people in; on a busy computer one boots for longer than that.
TRIES = 4
EXPORTER = "molecule/shared/exporter.yml"


def make(variant: Variant, say: Say) -> None:
    """Have a variant's machine, booted, with the exporter that stands for the robot's own. Raises FailedError."""
    for number in range(1, TRIES + 1):
        try:
            robot.playbook("testbed/create.yml", "--limit", variant.name, log="creation")
            break
        except FailedError as error:
            if number == TRIES:
                raise
            say(f"its machine is waited for once more: {str(error).splitlines()[0]}")
    robot.playbook(EXPORTER, "--limit", variant.name, log="creation")


def remove() -> None:
    """Remove all machines of this benchmark, their disks and their keys, uninterrupted. Raises FailedError."""
    kept = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        robot.playbook("testbed/destroy.yml", log="removal")
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


@contextmanager
def made(variant: Variant, say: Say) -> Iterator[robot.Robot]:
    """Have a variant's machine for as long as the context lasts; none is left, whatever happens. Raises FailedError."""
    try:
        make(variant, say)
        yield robot.Robot(variant)
    finally:
        remove()
