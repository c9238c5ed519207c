"""Ends the process of a service that hangs, so that the engine starts it again.

By signals, and not by the engine's own restart: an engine that loses its power while it restarts a container takes the
container for stopped by its owner, and leaves it so at the next boot (seen with Docker 20.10).
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Callable

from ..engine.protocol import Engine, EngineError, FoundContainer

KILL_SECONDS = 10.0  # what the kernel may need to take a large process apart
Kill = Callable[[int, int], None]


def restart(engine: Engine, name: str, stop_timeout_seconds: float, proc_root: Path, kill: Kill = os.kill) -> int:
    """End the process of container ``name``, by force after ``stop_timeout_seconds``.

    Returns the engine's count of restarts, once it has started the container again. Raises `EngineError`.
    """

    def restarts() -> int:
        now = engine.inspect(name)
        return now.restarts if now else 0

    before = engine.inspect(name)
    counted = before.restarts if before else 0
    for what, seconds in ((signal.SIGTERM, stop_timeout_seconds), (signal.SIGKILL, KILL_SECONDS)):
        if before and _runs(before, proc_root):
            kill(before.pid, what)
            _wait(lambda: not _runs(before, proc_root), seconds)
    if not _wait(lambda: restarts() != counted, engine.driver.restart_seconds):
        pid = before.pid if before else 0
        raise EngineError(0, f"the container engine has not started {name} again, whose process {pid} was ended")
    return restarts()


def hang_up(engine: Engine, name: str, proc_root: Path, kill: Kill = os.kill) -> None:
    """Have the process of container ``name`` read its files again, if it runs. Raises `EngineError`."""
    found = engine.inspect(name)
    if found and _runs(found, proc_root):
        kill(found.pid, signal.SIGHUP)


def _runs(container: FoundContainer, proc_root: Path) -> bool:
    """Whether its process is still one of the ``container``; another one may have its number by now."""
    try:
        return bool(container.pid) and container.holds((proc_root / str(container.pid) / "cgroup").read_text())
    except OSError:
        return False


def _wait(done: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True
