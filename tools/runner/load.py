"""Processes that do nothing but compute: what waits for a time and not for a condition fails beside them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# It ends by itself once another process is its parent, so that even a runner that was killed leaves none behind.
BUSY = """
import os
parent = os.getppid()
print(flush=True)
while os.getppid() == parent:
    for _ in range(1_000_000):
        pass
"""


@contextmanager
def busy(number: int) -> Iterator[list[int]]:
    """Have ``number`` processes, at the priority of the scenarios themselves, each keep a core busy; give their ids."""
    argv = [sys.executable, "-c", BUSY]  # in sessions of their own: an interrupt at the terminal is the runner's
    processes = [subprocess.Popen(argv, stdout=subprocess.PIPE, start_new_session=True) for _ in range(number)]
    try:
        for process in processes:
            if not (process.stdout and process.stdout.readline()):  # it computes from here on
                raise RuntimeError(f"a busy process ended at once (exit code {process.wait()})")
        yield [process.pid for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.communicate()
