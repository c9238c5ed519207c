"""What all processes of a run hold together, looked at each second while it goes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.host import procfs

SECONDS = 1.0
PROC = Path("/proc")


@dataclass
class Held:
    """The most that was seen at one moment: PSS (MiB), and of how many processes."""

    pss_mib: float = 0.0
    processes: int = 0


@contextmanager
def of_descendants(pid: int, proc: Path = PROC) -> Iterator[Held]:
    """Look at all descendants of a process while the context lasts."""
    held, over = Held(), threading.Event()

    def look() -> None:
        while not over.wait(SECONDS):
            pids = descendants(pid, proc)
            share = procfs.share(pids, proc)
            if share is not None and share.pss / (1 << 20) > held.pss_mib:
                held.pss_mib, held.processes = share.pss / (1 << 20), len(pids)

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    try:
        yield held
    finally:
        over.set()
        looking.join()


def descendants(pid: int, proc: Path = PROC) -> list[int]:
    """Return all processes that descend from one; those that end meanwhile are left out."""
    found: list[int] = []
    left = [pid]
    while left:
        parent = left.pop()
        for task in (proc / str(parent) / "task").glob("*"):
            try:
                children = [int(word) for word in (task / "children").read_text(encoding="utf-8").split()]
            except (OSError, ValueError):
                continue
            found += children
            left += children
    return found
