"""One run at a time changes a robot; the lock dies with its process. The watchdog holds it, too, while it looks."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager

from .roots import Roots

FILE = "/run/lock/robot-stack.lock"
# A run whose controller or connection was lost finishes its work: it is waited for.
PATIENCE_SECONDS = 120.0


class BusyError(RuntimeError):
    """Another run is at work on this robot."""


@contextmanager
def held(roots: Roots, patience_seconds: float = PATIENCE_SECONDS) -> Iterator[None]:
    """Hold the robot's lock; raise `BusyError` where somebody else has it for longer than that."""
    path = roots.path(FILE)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        deadline = time.monotonic() + patience_seconds
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as error:
                if time.monotonic() > deadline:
                    words = "another run is changing this robot; wait for it, or end it, then run again"
                    raise BusyError(words) from error
            time.sleep(0.1)
        yield
