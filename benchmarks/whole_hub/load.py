"""What a fleet that sends its backlog takes of a hub: of each of its programs, on the wire, and what is there then."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from docker.errors import APIError

from benchmarks import fleet, rule, trial
from benchmarks.running import Program

from . import hosts, metrics, places
from .hub import LOOK_SECONDS, Hub
from .places import Place, Traffic
from .robots import Robots
from .told import PENDING, Told

if TYPE_CHECKING:
    from docker import DockerClient

MOST_SECONDS = 300
PAGES_SECONDS = 1.0
# Who has asked for a series in vain, as rules have, is told so for up to ten seconds after it is there.
SHOWN_SECONDS = 12
ASK_SECONDS = 20
# So often is each group of rules evaluated, on average, once all samples are there, before its memory counts as seen.
LOOKS_OF_RULES = 1
MOST_RULES_SECONDS = 150
LOOKS = "vmalert_iteration_total"
NO_RULES = '__name__!~"ALERTS.*|.*:.*"'  # what the hub's rules make of a robot's samples is not the robot's
FAILED_RULES = "vmalert_execution_errors_total"
ONE_COPY = "vm_rpc_rows_incompletely_replicated_total"
SERIES_REFUSED = ("vm_hourly_series_limit_rows_dropped_total", "vm_daily_series_limit_rows_dropped_total")


@dataclass
class Load:
    """The first ``count`` robots, with ``rounds`` scrapes each that the hub has not, and what they make of it."""

    hub: Hub
    robots: Robots
    count: int
    rounds: int
    begun: float = field(default_factory=time.monotonic)

    @property
    def samples(self) -> int:
        """How many there are."""
        return self.count * self.rounds * self.robots.series

    def told(self) -> Told:
        """Return what the robots tell. Raises OSError."""
        return Told.of(self.robots.pages(self.count, self.hub.look))

    def pending(self) -> float:
        """Return how many bytes the robots have left to send. Raises OSError."""
        return metrics.total(self.robots.pages(self.count, self.hub.look), PENDING)

    def traffic(self) -> tuple[Traffic, list[Traffic]]:
        """Return what went through the robots' network, and through that of each host."""
        return self.robots.place.traffic(), [place.traffic() for place in self.hub.places.values()]

    def until_taken(self, rows_before: float) -> None:
        """Sample until the robots have nothing left to send. Raises RuntimeError where that takes too long."""
        times = len(self.robots.send_to(0))
        looked = 0.0
        while True:
            self.hub.look()
            now = time.monotonic()
            if now - self.begun > MOST_SECONDS:
                raise RuntimeError(f"{self.count} robots' backlog was not taken in {MOST_SECONDS} s")
            if now - looked > PAGES_SECONDS:
                looked = now
                if self.hub.rows() - rows_before >= times * self.samples and not self.pending():
                    return
            time.sleep(LOOK_SECONDS)


def measure(
    engine: DockerClient, robots: Robots, at: Mapping[str, Place], count: int, rounds: int, *, floors: bool = False
) -> dict[str, Any]:
    """Return what the first ``count`` of ``robots`` took of a hub whose hosts are ``at`` these places.

    They get ``rounds`` scrapes each while there is no hub, and send all of them once it listens. With ``floors`` each
    part of the hub has the smallest limit that the inventory gate accepts for them.
    """
    addresses = {name: place.address for name, place in at.items()}
    programs = hosts.programs(addresses, robots.secrets, count, robots.series, floors=floors)
    doors = [(host, program) for host, program in programs if program.name == hosts.ENTRY_POINT]
    with Hub(engine, at, robots.secrets) as hub:
        load = Load(hub, robots, count, rounds)
        found: dict[str, Any] = {"robots": count, "series": count * robots.series, "samples": load.samples}
        try:
            begin = robots.given(count, rounds, lambda: None)
            hub.start(one for one in programs if one not in doors)
            found |= _sending(load, doors)
            found |= _afterwards(load, begin)
            found["against"] += [f"the robots tell: {name} is {number}" for name, number in found["lost"].items()]
        except APIError:  # the engine's fault is not the hub's
            raise
        except (RuntimeError, OSError) as error:  # a part ended, does not answer, or is past hope
            found["against"] = [str(error)]
        found["hosts"] = hub.figures(load.samples)
    return found


def _sending(load: Load, doors: Sequence[tuple[str, Program]]) -> dict[str, Any]:
    """Open the doors, and return what it took until everything was taken."""
    hub, samples = load.hub, load.samples
    before, rows, (robots_before, hosts_before) = load.told(), hub.rows(), load.traffic()
    load.begun = time.monotonic()
    hub.open(doors)
    opened = load.told()  # until now they had nobody to send to
    load.until_taken(rows)
    seconds = time.monotonic() - load.begun
    hub.loaded()
    robots_after, hosts_after = load.traffic()
    told, sent = load.told() - before, robots_after - robots_before
    since_opened = load.told() - opened
    between = sum((after - old).sent for after, old in zip(hosts_after, hosts_before)) - sent.received
    return {
        "seconds": round(seconds, 1),
        "bytes_per_sample": {
            "compressed": round(told.sent_bytes / samples, 2),
            "wire": round(sent.sent / samples, 2),
            "answers": round(sent.received / samples, 2),
            **({"between_hosts": round(between / samples, 2)} if len(hosts_after) > 1 else {}),
        },
        "answers": {code: round(number) for code, number in sorted(told.requests.items()) if number},
        "not_answered": round(since_opened.errors),
        "tried_again": round(since_opened.retries),
        "lost": {name: round(number) for name, number in told.lost.items() if number},
    }


def _afterwards(load: Load, begin: int) -> dict[str, Any]:
    """Return what people who ask are answered, what is there, and what speaks against the hub."""
    hub, asked = load.hub, fleet.queries(rules=False)
    hub.flush()
    looks = _looks(hub)
    hub.sample(SHOWN_SECONDS)
    answers = _asked(hub, asked)
    hub.held()
    seconds = time.monotonic() - load.begun
    missing = _missing(load, begin)
    evaluations = _evaluated(hub, looks)
    against = [words for part in hub.parts for words in part.judged(seconds)]
    against += rule.of_answers(asked, answers)
    against += [f"{name} lacks {number} samples" for name, number in missing.items()]
    return {
        "missing": sum(missing.values()),
        "slowest_query_ms": max(query.get("slowest_ms", 0) for query in answers["queries"]),
        "queries": sum(query["asked"] for query in answers["queries"]),
        "evaluations": evaluations,  # of each group of rules, since vmalert was started
        "against": [*against, *_counted_against(hub)][:3],
    }


def _asked(hub: Hub, asked: list[Any]) -> dict[str, Any]:
    """Have a browser open, at the address for people of the first host."""
    place = next(iter(hub.places.values()))
    questions = {
        "collector": hosts.PEOPLES_DOOR,
        "headers": hub.secrets.people(),
        "queries": [query.asked() for query in asked],
        "seconds": ASK_SECONDS,
    }
    first = hub.of(hosts.DATABASE, hosts.STORAGE)[0].running
    return trial.ask(first, questions, trial.HOPELESS_FAULTS, inside=place.inside, watch=hub.look)


def _missing(load: Load, begin: int) -> dict[str, int]:
    """Return how many samples each robot lacks that lacks any: counted by query, each sample once."""
    place, headers = next(iter(load.hub.places.values())), load.hub.secrets.people()
    lasts, expected = load.rounds * fleet.INTERVAL_SECONDS, load.rounds * load.robots.series
    found = {}
    for name in map(fleet.name, range(load.count)):
        words = {
            "query": f'sum(count_over_time({{robot="{name}",{NO_RULES}}}[{lasts}s]))',
            "time": begin + lasts - 1,  # a range has its end in it, and not its beginning
            "nocache": 1,
            "latency_offset": "1ms",
        }
        answer = places.ask(place, hosts.PEOPLES_DOOR, f"/api/v1/query?{urlencode(words)}", headers)
        series = json.loads(answer)["data"]["result"]
        there = int(float(series[0]["value"][1])) if series else 0
        if there != expected:
            found[name] = expected - there
    return found


def _looks(hub: Hub) -> tuple[float, int]:
    """Return how often groups of rules were evaluated so far, and how many groups there are."""
    found = metrics.values(hub.pages(hosts.ALERTS), LOOKS)
    return sum(value for _, value in found), len(found)


def _evaluated(hub: Hub, before: tuple[float, int]) -> float:
    """Wait until the rules were evaluated often enough since ``before`` and return how often ever, on average.

    Raises RuntimeError where they are not.
    """
    until = time.monotonic() + MOST_RULES_SECONDS
    while True:
        hub.look()
        looks, groups = _looks(hub)
        often = (looks - before[0]) / max(1, groups)
        if groups and often >= LOOKS_OF_RULES:
            return round(looks / groups, 1)
        if time.monotonic() > until:
            raise RuntimeError(f"rules were evaluated {often:.1f} times in {MOST_RULES_SECONDS} s")
        time.sleep(LOOK_SECONDS)


def _counted_against(hub: Hub) -> list[str]:
    """Return what the hub's own counters say that must not be."""
    pages = hub.pages(hosts.DATABASE, hosts.STORAGE, hosts.INSERT, hosts.ALERTS)
    counted = {name: metrics.total(pages, name) for name in (*SERIES_REFUSED, ONE_COPY, FAILED_RULES)}
    return [f"{name} is {number:g}" for name, number in counted.items() if number]
