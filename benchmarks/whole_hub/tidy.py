"""Nothing is left behind, also by a run that was killed: the next one removes it."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.running import WORK

if TYPE_CHECKING:
    from docker import DockerClient

FOLDER = WORK / "whole_hub"  # with everybody's files
LOCK = WORK / "whole_hub.lock"
# The label of every container: another clone of this project on the same computer leaves them alone.
OURS = {"robot-stack.benchmark.whole-hub": str(FOLDER)}


@contextmanager
def tidy(engine: DockerClient, folder: Path = FOLDER, lock_file: Path = LOCK) -> Iterator[None]:
    """Remove what a run that was killed has left behind, now, and in the end whatever is left of this one.

    Raises RuntimeError while another run goes on.
    """
    lock_file.parent.mkdir(parents=True, exist_ok=True)
    with lock_file.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RuntimeError("another run measures a hub on this computer: wait for its end") from error
        sweep(engine, folder)
        try:
            yield
        finally:
            sweep(engine, folder)


def sweep(engine: DockerClient, folder: Path) -> None:
    """Remove every container of a hub that was measured, and their files."""
    ours = [f"{name}={value}" for name, value in OURS.items()]
    for container in engine.containers.list(all=True, filters={"label": ours}, ignore_removed=True):
        container.remove(force=True, v=True)
    shutil.rmtree(folder, ignore_errors=True)
