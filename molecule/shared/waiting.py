"""Waits for conditions, never for a time. What is limited is only how long something broken is waited for."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

PATIENCE_SECONDS = 300  # many times what it takes on two cores: machines of CI are slower, and busy
Found = TypeVar("Found")


def slowness(variables: dict[str, Any]) -> int:
    """Return how many times longer a robot with these variables may take: a machine is emulated, processor and all."""
    return 6 if variables.get("testbed_kind") == "machine" else 1


def patience(robot: Any) -> float:
    """Return for how long something that is broken on a robot is waited for, in seconds."""
    return PATIENCE_SECONDS * slowness(robot.variables)


def until(what: Callable[[], Found], words: str, seconds: float = PATIENCE_SECONDS, pause: float = 1) -> Found:
    """Return the first true answer of ``what``. Raises AssertionError."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {words}"
        time.sleep(pause)
    return found
