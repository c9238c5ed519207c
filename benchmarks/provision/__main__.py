"""Measure what a run costs that changes nothing, and keep it in benchmarks/results/provision.json.

    make benchmark-provision
    .venv/bin/python -m benchmarks.provision [--repeats N] [--keep-robots]

All contenders take turns, so that what else goes on in this machine meets all of them.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import asdict
from statistics import median
from typing import TYPE_CHECKING, Any

import docker

from benchmarks import results

from . import fleet, measure, tables
from .contenders import PRODUCT, Contender, all_of_them, ports
from .measure import Sample

if TYPE_CHECKING:
    from docker import DockerClient

REST_SECONDS = 8.0


def rounds(engine: DockerClient, repeats: int) -> dict[str, dict[str, list[Sample]]]:
    """Return the samples of each contender, on one robot and on all of its robots."""
    found: dict[str, dict[str, list[Sample]]] = {each.name: {"one": [], "all": []} for each in all_of_them()}
    rests: dict[str, list[float]] = {robot: [] for group in ports().values() for robot in group}
    for number in range(repeats + 1):
        for robot, used in measure.cpu_at_rest(engine, list(rests), REST_SECONDS).items():
            rests[robot].append(used)
        at_rest = {robot: median(seen) for robot, seen in rests.items()}
        for contender in all_of_them():
            for robots, sample in of_contender(engine, contender, at_rest).items():
                if number:  # the first round only warms caches up
                    found[contender.name][robots].append(sample)
        say(f"round {number} of {repeats} is done")
    return found


def of_contender(engine: DockerClient, contender: Contender, at_rest: dict[str, float]) -> dict[str, Sample]:
    """Return a sample of one robot and one of all."""
    robots = list(ports()[contender.robots])
    return {
        "one": sample(engine, contender, robots[:1], at_rest),
        "all": sample(engine, contender, robots, at_rest),
    }


def sample(engine: DockerClient, contender: Contender, robots: list[str], at_rest: dict[str, float]) -> Sample:
    """Return one sample; a run that met something else (a service that was just restarted) is tried once more."""
    try:
        return measure.run(engine, contender, robots, at_rest)
    except measure.ChangedError as error:
        say(f"tried once more, after a minute: {error}")
        time.sleep(60)
        return measure.run(engine, contender, robots, at_rest)


def summed_up(found: dict[str, dict[str, list[Sample]]]) -> dict[str, Any]:
    """Return the medians, and the difference that a further robot makes."""
    count = len(next(iter(ports().values())))
    made: dict[str, Any] = {}
    for name, samples in found.items():
        middle = {
            robots: {key: median(asdict(sample)[key] for sample in listed) for key in asdict(listed[0])}
            for robots, listed in samples.items()
        }
        further = {
            key: median(
                (getattr(many, key) - getattr(one, key)) / (count - 1)
                for one, many in zip(samples["one"], samples["all"])
            )
            for key in ("wall_seconds", "controller_cpu_seconds")
        }
        made[name] = {"one": middle["one"], "all": middle["all"], "further": further}
    return {"robots": count, "repeats": len(found[PRODUCT]["one"]), "contenders": rounded(made)}


def rounded(value: Any) -> Any:
    """Return the figures without digits that mean nothing."""
    if isinstance(value, dict):
        return {key: rounded(below) for key, below in value.items()}
    return round(value, 3)


def say(line: str) -> None:
    """Write a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Run as a program."""
    parser = argparse.ArgumentParser(description="Measure runs that change nothing.")
    parser.add_argument("--repeats", type=int, default=5, help="rounds that count, after one that does not")
    parser.add_argument("--keep-robots", action="store_true", help="leave the robots for the next time")
    options = parser.parse_args()
    engine = docker.from_env()
    say("Robots are made, and get their stacks from those who will be measured (some minutes).")
    try:
        fleet.make(engine)
        measure.adopt_orphans()
        found = summed_up(rounds(engine, options.repeats))
    finally:
        if not options.keep_robots:
            fleet.remove()
        engine.close()
    results.keep("provision", found)
    say(tables.measured(results.load("provision")))
    return 0 if tables.holds(found) else 1


if __name__ == "__main__":
    sys.exit(main())
