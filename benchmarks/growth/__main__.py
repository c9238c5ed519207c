"""Measure how the cost of a run that changes nothing grows with the fleet; kept in benchmarks/results/growth.json.

    make benchmark-growth
    sudo .venv/bin/python -m benchmarks.growth [--robots N]... [--role-up-to N] [--forks N]... [--keep-robots]

A real robot is asked once by each contender, and what it answers is recorded. Light robots then say the same, in the
same order, each under its own name: connections, forks and all that a controller does are real, and no robot has to be.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import docker

from benchmarks import results
from benchmarks.provision import fleet, measure
from benchmarks.provision.contenders import PRODUCT, ROLE_TUNED, Contender, all_of_them, ports
from benchmarks.running import end_cleanly_when_told

from . import course, tables
from .light import Light
from .recording import recorded

if TYPE_CHECKING:
    from docker import DockerClient

ROBOTS = (1, 16, 128, 512)
ROLE_UP_TO = 128  # it takes minutes with so many
FORKS = (5, 25, 50, 100)
ROBOTS_OF_FORKS = 128
WARM = 1  # runs that only warm caches up


def measured() -> list[Contender]:
    """Return who is measured."""
    return [contender for contender in all_of_them() if contender.name in course.GROUPS]


def record(engine: DockerClient, contender: Contender, folder: Path) -> str:
    """Lay down in ``folder`` what a robot answers to ``contender``; return that robot's name."""
    robot = next(iter(ports()[contender.robots]))
    measure.run(engine, contender, [robot], {robot: 0.0})  # as it should be
    with recorded(engine, robot, folder):
        measure.run(engine, contender, [robot], {robot: 0.0})
    return robot


def rounded(cost: course.Cost) -> dict[str, Any]:
    """Return the figures without digits that mean nothing."""
    return {key: round(value, 2) for key, value in asdict(cost).items()}


def by_robots(light: Light, contender: Contender, robots: list[int]) -> dict[str, Any]:
    """Return what ``contender`` costs with each number of light robots."""
    for _ in range(WARM):
        course.run(light, contender, 1)
    found = {}
    for number in robots:
        found[str(number)] = rounded(course.run(light, contender, number))
        say(f"{contender.name}, {number} robots: {found[str(number)]}")
    return found


def by_forks(light: Light, contender: Contender, forks: list[int]) -> dict[str, Any]:
    """Return what ``contender`` costs with each number of forks."""
    found = {}
    for number in forks:
        found[str(number)] = rounded(course.run(light, contender, ROBOTS_OF_FORKS, number))
        say(f"{contender.name}, {number} forks: {found[str(number)]}")
    return found


def say(line: str) -> None:
    """Write a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Run as a program."""
    parser = argparse.ArgumentParser(description="Measure how the cost of a run grows with the fleet.")
    parser.add_argument("--robots", type=int, action="append", help=f"how many; usual: {ROBOTS}")
    parser.add_argument("--role-up-to", type=int, default=ROLE_UP_TO, help="most robots of the usual role")
    parser.add_argument(
        "--forks", type=int, action="append", help=f"how many with {ROBOTS_OF_FORKS} robots; usual: {FORKS}"
    )
    parser.add_argument("--keep-robots", action="store_true", help="leave the real robots for the next time")
    options = parser.parse_args()
    end_cleanly_when_told()
    engine = docker.from_env()
    found: dict[str, Any] = {"contenders": {}, "forks": {}, "robots_of_forks": ROBOTS_OF_FORKS}
    with ExitStack() as stack:
        stack.callback(engine.close)
        if not options.keep_robots:
            stack.callback(fleet.remove)
        say("Real robots are made, and get their stacks from those who will be measured (some minutes).")
        fleet.make(engine)
        measure.adopt_orphans()
        work = Path(tempfile.mkdtemp(prefix="growth-"))
        stack.callback(shutil.rmtree, work, ignore_errors=True)
        for position, contender in enumerate(measured()):
            folder = work / str(position)
            folder.mkdir(mode=0o755)
            robot = record(engine, contender, folder / "steps")
            most = options.role_up_to if contender.name == ROLE_TUNED else max(options.robots or ROBOTS)
            with Light(engine, folder, robot) as light:
                numbers = [number for number in options.robots or ROBOTS if number <= most]
                found["contenders"][contender.name] = by_robots(light, contender, numbers)
                if contender.name == PRODUCT:
                    found["forks"] = by_forks(light, contender, options.forks or list(FORKS))
    if not (options.robots or options.forks):
        results.keep("growth", found)
        say(tables.grown(results.load("growth")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
