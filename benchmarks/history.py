"""A database with a past for each trial: benchmarks/past.py writes it once, every trial begins with a copy.

A past is kept below WORK for a day, by its recipe; what has been missing since then is added when it is used. As a
program this puts one into an archive, for robots:

    sudo .venv/bin/python -m benchmarks.history --robot NAME --instance 127.0.0.1:9300 --to FILE.tar
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import docker

from . import cold, collectors, past
from .past import DAY_SECONDS, Recipe
from .running import WORK, Program, Running, end_cleanly_when_told, free_address

if TYPE_CHECKING:
    from docker import DockerClient

DATA = "data"  # the name of VictoriaMetrics' data in its spec
UNTIL = "until"  # the file beside it that says when the past ends (seconds since 1970)
KEPT = WORK / "pasts"
MOST_KEPT = 4
ROOMY_MIB = 1024
LOAD_ADDRESS = "127.0.0.1:29300"  # where the load is read now and was read before: its series go on


@dataclass(frozen=True)
class Past:
    """A data directory to begin with, and how many days it goes back."""

    data: Path
    days: int


@contextmanager
def of_the_load(engine: DockerClient, recipe: Recipe) -> Iterator[Past]:
    """Yield a database that holds the past of ``recipe`` until now."""
    known = kept(engine, recipe)
    folder = Path(tempfile.mkdtemp(prefix="history-", dir=WORK))
    try:
        _written(engine, recipe, known / DATA, folder / DATA, float((known / UNTIL).read_text()), time.time())
        yield Past(folder / DATA, recipe.days)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def kept(engine: DockerClient, recipe: Recipe) -> Path:
    """Return the folder of a past that ended less than a day ago; write it where there is none."""
    KEPT.mkdir(parents=True, exist_ok=True)
    folder = KEPT / recipe.name()
    if (folder / UNTIL).exists() and time.time() - float((folder / UNTIL).read_text()) < DAY_SECONDS:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    others = sorted(KEPT.iterdir(), key=lambda path: path.stat().st_mtime)
    for old in others[: max(0, len(others) - MOST_KEPT + 1)]:
        shutil.rmtree(old)
    end = time.time() // past.PIECE_SECONDS * past.PIECE_SECONDS
    folder.mkdir()
    _written(engine, recipe, None, folder / DATA, end - recipe.days * DAY_SECONDS, end)
    (folder / UNTIL).write_text(str(end))
    return folder


def _written(engine: DockerClient, recipe: Recipe, before: Path | None, to: Path, begin: float, end: float) -> None:
    """Put at ``to`` the database ``before`` with the time from ``begin`` to ``end`` added."""
    with Running(engine, replace(_writer(recipe), history=before)) as running:
        past.write(running.program.address, recipe, begin, end)
        running.container.stop(timeout=120)  # what is in memory is on disk afterwards
        cold.copy(running.folder / DATA, to)


def _writer(recipe: Recipe) -> Program:
    """Return VictoriaMetrics without a limit."""
    many = 100 * recipe.series * recipe.days  # every session is a new series within an hour here
    roomy = {
        "victoriametrics_retention": f"{recipe.days + 2}d",
        "victoriametrics_cpu_limit": 2.0,
        "victoriametrics_memory_limit_mib": ROOMY_MIB,
    }
    written = collectors.collector(collectors.VICTORIAMETRICS, None, many, free_address(), {}, roomy)
    return replace(written, limit_mib=None)


def main() -> int:
    """Run as a program."""
    parser = argparse.ArgumentParser(description="Write the past of a robot's database into an archive.")
    parser.add_argument("--series", type=int, default=1000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--churn", choices=past.CHURN, default="benchmark")
    parser.add_argument("--instance", default=LOAD_ADDRESS, help="where the load is read (host:port)")
    parser.add_argument("--robot", required=True, help="the label robot of all samples")
    parser.add_argument("--to", type=Path, required=True, help="the archive")
    options = parser.parse_args()
    end_cleanly_when_told()
    recipe = Recipe(options.series, options.days, past.CHURN[options.churn], options.instance, options.robot)
    engine = docker.from_env()
    with of_the_load(engine, recipe) as found, tarfile.open(options.to, "w") as archive:
        archive.add(found.data, DATA)
    engine.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
