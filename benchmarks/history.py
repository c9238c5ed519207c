"""A database with a past for each trial: benchmarks/robot/load.py writes it once, every trial begins with a copy."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from .running import WORK, Program, Running

if TYPE_CHECKING:
    from docker import DockerClient

LOAD = Path(__file__).resolve().parent / "robot" / "load.py"
DATA = "data"  # the name of VictoriaMetrics' data in its spec


@contextmanager
def of_the_load(engine: DockerClient, program: Program, series: int, labels: Sequence[str]) -> Iterator[Path]:
    """Yield a data directory that holds the load's last hours, written by ``program``, which should have no limit.

    ``labels`` (NAME=VALUE) are those that a scrape adds: the series go on where they were.
    """
    WORK.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="history-", dir=WORK))
    try:
        with Running(engine, program) as running:
            argv = [sys.executable, str(LOAD), "--past", program.address, "--series", str(series)]
            argv += [word for label in labels for word in ("--label", label)]
            subprocess.run(argv, check=True, timeout=600)
            running.container.stop(timeout=60)  # what is in memory is on disk afterwards
            # Its caches do not outlive a container of the product either.
            shutil.copytree(running.folder / DATA, folder / DATA, ignore=shutil.ignore_patterns("cache"))
        yield folder / DATA
    finally:
        shutil.rmtree(folder, ignore_errors=True)
