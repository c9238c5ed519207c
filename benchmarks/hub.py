"""What a robot costs the hub: fleets of several sizes, with the product's own flags and limits.

    make benchmark-hub
    sudo .venv/bin/python -m benchmarks.hub [--only PART] [--robots N] [--minutes N]

text     the hub's database alone, which is sent text
sent     a hub of one host, and robots that send to it as robots do: remote write, TLS, a password each, through vmauth
cluster  a hub of three hosts, beside one
floors   both, with each part in the smallest limit that the inventory gate accepts for such a fleet

Results go to benchmarks/results/hub.json, each part as soon as it is there; benchmarks/report.py puts them into
docs/scale.md.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import docker

from . import fleet, product, results, scaling
from .hub_database import SERIES, measure
from .running import end_cleanly_when_told
from .whole_hub import course
from .whole_hub.tidy import tidy

if TYPE_CHECKING:
    from docker import DockerClient

ROBOTS = (10, 50, 100, 200)
SENT_ROBOTS = (10, 50)  # and as many as fit
TEXT, SENT, CLUSTER, FLOORS = PARTS = "text", "sent", "cluster", "floors"
MINUTES = 60  # of samples of each robot
# Roomy, so that what a robot takes is seen, and not what the limit leaves. Then two fleets in the hub's default limit:
# as many robots as should fit by these figures, and as many as would by the floors that were measured for robots.
ROOMY_MIB = 1024


def say(found: dict[str, Any]) -> dict[str, Any]:
    """Write a fleet's figures at once, and return them."""
    sys.stdout.write(f"{found}\n")
    sys.stdout.flush()
    return found


def fits(found: dict[str, Any]) -> int:
    """Return how many robots should fit into the hub's default limit by the peaks of those in the roomy one."""
    return scaling.robots_by_memory(_default_mib(), SERIES, scaling.memory(found, "peak_mib"))


def _default_mib() -> int:
    return int(product.default("telemetry_hub_victoriametrics_memory_limit_mib"))


@dataclass
class Run:
    """One run: of the usual fleets, which is kept, or of those that somebody wants to see, which is not."""

    engine: DockerClient
    robots: Sequence[int]  # none: the usual ones
    minutes: int
    as_text: list[dict[str, Any]] = field(default_factory=list)
    of_one_host: dict[int, dict[str, Any]] = field(default_factory=dict)

    @property
    def kept(self) -> bool:
        """Whether results are kept."""
        return not self.robots and self.minutes == MINUTES

    @property
    def rounds(self) -> int:
        """Scrapes of each robot."""
        return self.minutes * 60 // fleet.INTERVAL_SECONDS

    def text(self) -> None:
        """Measure the database alone."""
        begun = time.monotonic()
        found = [say(measure(self.engine, robots, ROOMY_MIB, self.rounds)) for robots in self.robots or ROBOTS]
        if self.robots:
            return
        default = _default_mib()
        for robots in (fits({"fleets": found}), scaling.robots_by_floor(default, SERIES)):
            found.append(say(measure(self.engine, robots, default, self.rounds)))
        self.as_text = found
        if self.kept:
            others = {part: known for part, known in results.load("hub").items() if part in PARTS}
            took = {"seconds": round(time.monotonic() - begun), "series_per_robot": SERIES}
            results.keep("hub", {**others, "fleets": found, **took})

    def sent(self) -> None:
        """Measure one host with robots that send; the same fleets as text beside it."""
        begun = time.monotonic()
        counts = self.robots or (*SENT_ROBOTS, fits(results.load("hub")))
        beside = {count: self._text_of(count) for count in counts}
        with course.fleet(self.engine, course.ONE_HOST, max(counts), SERIES) as measured:
            self.of_one_host = {count: say(measured(count, self.rounds)) for count in counts}
        fleets = [{**self.of_one_host[count], "as_text": beside[count]} for count in counts]
        if self.kept:
            results.keep_part("hub", SENT, {"fleets": fleets, "seconds": round(time.monotonic() - begun)})

    def _text_of(self, count: int) -> dict[str, Any]:
        """Return what the database alone takes in its default limit; this run may have seen it."""
        limit = _default_mib()
        known = [one for one in self.as_text if (one["robots"], one["limit_mib"]) == (count, limit)]
        return known[0] if known else say(measure(self.engine, count, limit, self.rounds))

    def cluster(self) -> None:
        """Measure three hosts with as many robots as fit into one, and that one where this run has not yet."""
        if self._lacks_a_cluster():
            return
        begun = time.monotonic()
        count = max(self.robots) if self.robots else fits(results.load("hub"))
        if count not in self.of_one_host:
            with course.fleet(self.engine, course.ONE_HOST, count, SERIES) as measured:
                self.of_one_host[count] = say(measured(count, self.rounds))
        with course.fleet(self.engine, course.THREE_HOSTS, count, SERIES) as measured:
            three = say(measured(count, self.rounds))
        made = {"one": self.of_one_host[count], "three": three, "seconds": round(time.monotonic() - begun)}
        if self.kept:
            results.keep_part("hub", CLUSTER, made)

    def floors(self) -> None:
        """Measure one host and three in the limits below which the inventory gate refuses them."""
        if self._lacks_a_cluster():
            return
        begun = time.monotonic()
        count = max(self.robots) if self.robots else fits(results.load("hub"))
        made: dict[str, Any] = {}
        for name, hosts in (("one", course.ONE_HOST), ("three", course.THREE_HOSTS)):
            with course.fleet(self.engine, hosts, count, SERIES, floors=True) as measured:
                made[name] = say(measured(count, self.rounds))
        if self.kept:
            results.keep_part("hub", FLOORS, {**made, "seconds": round(time.monotonic() - begun)})

    def _lacks_a_cluster(self) -> bool:
        lacking = course.lacking(self.engine)
        if lacking:
            sys.stdout.write(
                f"Left out: three hosts. The local engine lacks {', '.join(lacking)} (testbed/cluster_images); "
                "docs/scale.md keeps the last figures.\n"
            )
        return bool(lacking)


def main() -> int:
    """Run as a program."""
    parser = argparse.ArgumentParser(description="Measure what a robot costs the hub.")
    parser.add_argument("--only", choices=PARTS, action="append", help="this part (all)")
    parser.add_argument("--robots", type=int, action="append", help="only this fleet, and keep nothing")
    parser.add_argument("--minutes", type=int, default=MINUTES, help="of backlog; other than 60: keep nothing")
    options = parser.parse_args()
    if os.geteuid() != 0:
        parser.error("it drops images from the page cache and reads the PSS of others: run this as root")
    end_cleanly_when_told()
    run = Run(docker.from_env(), options.robots or (), options.minutes)
    with tidy(run.engine):
        for part in options.only or PARTS:
            {TEXT: run.text, SENT: run.sent, CLUSTER: run.cluster, FLOORS: run.floors}[part]()
    run.engine.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
