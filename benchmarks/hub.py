"""What a robot costs the hub: fleets of several sizes, with the product's own flags and limits.

    make benchmark-hub
    sudo .venv/bin/python -m benchmarks.hub [--only PART] [--robots N] [--minutes N]

text     the hub's database alone, which is sent text
sent     a hub of one host, and robots that send to it as robots do: remote write, TLS, a password each, through vmauth
cluster  a hub of three hosts, beside one

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
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

import docker
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.ask import http

from . import disk, feeding, fleet, product, results, rule, scaling, trial
from .robot.ask import fetch
from .running import MIB, Program, Running, end_cleanly_when_told, free_address
from .whole_hub import course

if TYPE_CHECKING:
    from docker import DockerClient

SERIES = 300  # of a robot
ROBOTS = (10, 50, 100, 200)
SENT_ROBOTS = (10, 50)  # and as many as fit
TEXT, SENT, CLUSTER = "text", "sent", "cluster"
MINUTES = 60  # of samples of each robot
# Roomy, so that what a robot takes is seen, and not what the limit leaves. Then two fleets in the hub's default limit:
# as many robots as should fit by these figures, and as many as would by the floors that were measured for robots.
ROOMY_MIB = 1024
ASK_SECONDS = 20
MOST_MERGE_SECONDS = 60
ADDED = "vm_rows_added_to_storage_total"
LEFT_OUT = ("promscrape.config", "httpAuth.username", "httpAuth.password")
REFUSED = ("vm_hourly_series_limit_rows_dropped_total", "vm_daily_series_limit_rows_dropped_total")


def program(robots: int, limit_mib: int, address: str) -> Program:
    """Return the hub's database as the product runs it for ``robots`` robots, listening on ``address``."""
    spec = product.service(
        "telemetry_hub_victoriametrics",
        telemetry_hub_robots=[fleet.name(number) for number in range(robots)],
        telemetry_hub_series_per_robot=SERIES,
        telemetry_hub_victoriametrics_memory_limit_mib=limit_mib,
        telemetry_hub_secrets_optional=True,
        inventory_dir="/nowhere",
        # Its usual address may be taken on this machine; it reads nobody but whom it is sent by, and is asked directly.
        telemetry_hub_victoriametrics_flags_extra={"httpListenAddr": address, **dict.fromkeys(LEFT_OUT)},
    )
    return Program("telemetry_hub", {"config_target": "/config", **spec}, limit_mib, address, "/health")


def measure(engine: DockerClient, robots: int, limit_mib: int, rounds: int) -> dict[str, Any]:
    """Return what ``robots`` robots took of a database in ``limit_mib`` MiB, and what spoke against it.

    Each of them has ``rounds`` scrapes.
    """
    found: dict[str, Any] = {"robots": robots, "series": robots * SERIES, "limit_mib": limit_mib, "against": []}
    with Running(engine, program(robots, limit_mib, free_address())) as running:
        try:
            found |= _figures(running, robots, rounds)
        except RuntimeError as error:  # it ended, it does not answer, or it is past hope
            found["against"] = [str(error)]
        found["peak_mib"] = round(running.peak, 1)
    return found


def _figures(running: Running, robots: int, rounds: int) -> dict[str, Any]:
    asked, address = fleet.queries(), running.program.address
    connection = HTTPConnection(address, timeout=120)
    before, cpu, begun = running.counters(), running.cpu_seconds(), time.monotonic()

    def watch() -> None:
        grown = running.counters().major_faults - before.major_faults
        if grown > trial.HOPELESS_WARM_UP_FAULTS:
            raise RuntimeError(f"{grown} major faults within {time.monotonic() - begun:.0f} s of its load")

    samples = feeding.feed(address, SERIES, robots, rounds, watch)
    feeding.ask(connection, "GET", "/internal/force_flush")
    fed, seconds = running.cpu_seconds() - cpu, time.monotonic() - begun
    answers = _asked(running, address, asked)
    held, after, limit = running.memory(), running.counters(), running.program.limit_mib
    against = rule.of_container("database", before, after, time.monotonic() - begun, limit * MIB if limit else None)
    against += rule.of_answers(asked, answers) + _not_taken(address, samples)
    kept = _on_disk(running, connection)
    return {
        "samples": samples,
        "samples_per_second": round(samples / seconds),
        "held_mib": round(held.working_set, 1),
        "cpu_seconds_per_million": round(fed / samples * 1e6, 2),
        "bytes_per_sample": round(kept["all"] / samples, 2),
        "of_it_index": round(kept["index"] / samples, 2),
        "slowest_query_ms": max(query.get("slowest_ms", 0) for query in answers["queries"]),
        "queries": sum(query["asked"] for query in answers["queries"]),
        "against": against[:3],
    }


def _asked(running: Running, address: str, asked: list[Any]) -> dict[str, Any]:
    questions = {"collector": address, "queries": [query.asked() for query in asked], "seconds": ASK_SECONDS}
    return trial.ask(running, questions, trial.HOPELESS_FAULTS)


def _not_taken(address: str, samples: int) -> list[str]:
    """Return whether the hub has fewer samples than it was sent: a figure for each sample would be wrong then."""
    page = fetch(address, "/metrics", 30).decode()
    added = http.metric(page, ADDED) or 0
    found = [f"{added:.0f} of {samples} samples were taken"] if added != samples else []
    return found + [f"{name} is {http.metric(page, name):g}" for name in REFUSED if http.metric(page, name)]


def _on_disk(running: Running, connection: HTTPConnection) -> dict[str, int]:
    """Return the bytes of samples with their index, and of the index, once it has merged what it got and has ended."""
    feeding.ask(connection, "GET", "/internal/force_merge")
    until = time.monotonic() + MOST_MERGE_SECONDS
    while time.monotonic() < until:
        time.sleep(3)  # merging begins behind the answer
        page = feeding.ask(connection, "GET", "/metrics").decode()
        if "vm_active_force_merges 0" in page:
            break
    connection.close()
    running.container.stop(timeout=30)
    data = running.folder / "data" / "data"
    return {"all": disk.size(data), "index": disk.size(data / "indexdb")}


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
        if self.kept:
            others = {part: known for part, known in results.load("hub").items() if part in (SENT, CLUSTER)}
            took = {"seconds": round(time.monotonic() - begun), "series_per_robot": SERIES}
            results.keep("hub", {**others, "fleets": found, **took})

    def sent(self) -> None:
        """Measure one host with robots that send; the same fleets as text beside it."""
        begun = time.monotonic()
        counts = self.robots or (*SENT_ROBOTS, fits(results.load("hub")))
        as_text = {count: say(measure(self.engine, count, _default_mib(), self.rounds)) for count in counts}
        with course.fleet(self.engine, course.ONE_HOST, max(counts), SERIES) as measured:
            self.of_one_host = {count: say(measured(count, self.rounds)) for count in counts}
        fleets = [{**self.of_one_host[count], "as_text": as_text[count]} for count in counts]
        if self.kept:
            results.keep_part("hub", SENT, {"fleets": fleets, "seconds": round(time.monotonic() - begun)})

    def cluster(self) -> None:
        """Measure three hosts with as many robots as fit into one, and that one where this run has not yet."""
        lacking = course.lacking(self.engine)
        if lacking:
            sys.stdout.write(
                f"Left out: three hosts. The local engine lacks {', '.join(lacking)} (testbed/cluster_images); "
                "docs/scale.md keeps the last figures.\n"
            )
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


def main() -> int:
    """Run as a program."""
    parser = argparse.ArgumentParser(description="Measure what a robot costs the hub.")
    parser.add_argument("--only", choices=(TEXT, SENT, CLUSTER), action="append", help="this part (all)")
    parser.add_argument("--robots", type=int, action="append", help="only this fleet, and keep nothing")
    parser.add_argument("--minutes", type=int, default=MINUTES, help="of backlog; other than 60: keep nothing")
    options = parser.parse_args()
    if os.geteuid() != 0:
        parser.error("it drops images from the page cache and reads the PSS of others: run this as root")
    end_cleanly_when_told()
    run = Run(docker.from_env(), options.robots or (), options.minutes)
    for part in options.only or (TEXT, SENT, CLUSTER):
        {TEXT: run.text, SENT: run.sent, CLUSTER: run.cluster}[part]()
    run.engine.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
