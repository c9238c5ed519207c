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
    processes = [subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE) for _ in range(number)]
    try:
        for process in processes:
            if process.stdout:
                process.stdout.readline()  # it computes from here on
        yield [process.pid for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.communicate()
