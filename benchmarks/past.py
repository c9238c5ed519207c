"""What a database would have read in the months before: written by days, fast, into one that has no limit.

The series are those of benchmarks/robot/load.py, with its churn or a share of it, and those that the product's own
pages in VMUI ask for. The values are not the load's: those are so regular that a month of them takes a third of the
bytes that sensors' take. They come from a stock of invented days, of which each series takes another one every day;
counters begin anew at midnight, as those of a robot do that is switched off over night.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from http.client import HTTPConnection
from itertools import accumulate

from . import product, queries
from .robot import load

STEP_SECONDS = 15  # the product's scrape interval
DAY_SECONDS = 86_400
PIECE_SECONDS = 600  # sessions change between two of these
PIECES = DAY_SECONDS // PIECE_SECONDS
SAMPLES = PIECE_SECONDS // STEP_SECONDS
STOCK = 61  # invented days of each kind; prime, so that no two series have the same ones in a row
CLIENTS = 2
SERIES_PER_REQUEST = 20
OF_A_PAGE = 3  # series of each metric on the product's pages: that many services, batteries, disks
METRIC = re.compile(r"\b(?:node|container|robot_stack|sensor)_\w+\b(?!=)")
LABEL = re.compile(r'(\w+)="([^"]*)"')
# Churn, as a share of the load's own 2 % a minute. Robots: 10 new series in a thousand each hour, for sessions,
# connections and containers that come and go. Benchmark: twelve times that, which a day's bound just allows.
ROBOTS, BENCHMARK = 1 / 120, 0.1
CHURN = {"robots": ROBOTS, "benchmark": BENCHMARK}


@dataclass(frozen=True)
class Behind:
    """What a database has behind it: days, and a churn by its name."""

    days: int
    churn: str

    def recipe(self, series: int, instance: str) -> Recipe:
        """Return the past of ``series`` series that were read at ``instance`` (host:port)."""
        return Recipe(series, self.days, CHURN[self.churn], instance)


# What the inventory gate's floors are about: all of the product's default retention, and more churn than robots have.
OF_THE_GATE = Behind(30, "benchmark")


@dataclass(frozen=True)
class Recipe:
    """A past: of how many series, over how many days, with what churn, where the load was read (host:port), by whom."""

    series: int
    days: int
    churn: float
    instance: str
    robot: str = product.ROBOT

    def name(self) -> str:
        """Return it as a file's name."""
        where = f"{self.robot}-{self.instance.replace(':', '_')}"
        return f"past-{self.series}-{self.days}d-{round(self.churn * 1e6)}-{where}"


@cache
def _stock(counters: bool) -> list[list[bytes]]:
    """Return the invented days, each as the pieces of its values in JSON."""
    days = []
    for number in range(STOCK):
        chance = random.Random(f"{counters} {number}")  # noqa: S311 (invented values are no secret)
        count = PIECES * SAMPLES
        if counters:
            rate = 15 * (1 + number)
            grown = accumulate(int(chance.gauss(rate, rate / 4)) if chance.random() < 0.9 else 0 for _ in range(count))
            values = [str(max(0, value)) for value in grown]
        else:
            slow = accumulate(chance.gauss(0, 0.05) for _ in range(count))
            values = [f"{20 + number + wander + chance.gauss(0, 0.8):.2f}" for wander in slow]
        days.append([",".join(values[at : at + SAMPLES]).encode() for at in range(0, count, SAMPLES)])
    return days


def of_the_pages() -> list[load.Identity]:
    """Return series for every metric that the product's own pages ask for; none of them ever gets another name."""
    metrics = sorted({metric for query in queries.of_the_dashboards() for metric in METRIC.findall(query.expr)})
    metrics = [metric for metric in metrics if not metric.endswith("_")] + ["sensor_iio_light"]
    found = []
    for metric in metrics:
        kinds = [f'le="{bound}"' for bound in load.BUCKETS] if metric.endswith("_bucket") else ["robotstack"]
        if len(kinds) == 1:
            kinds = [f'service="{name}"' for name in ("robotstack", "victoriametrics", "sensor_service")[:OF_A_PAGE]]
        found += [load.Identity(metric, kind, -1.0) for kind in kinds]
    return found


def _named(identity: load.Identity, changed: float, recipe: Recipe) -> bytes:
    own = identity.share < 0
    metric = dict(LABEL.findall(identity.labels if own else identity.name(changed)))
    job, address = ("sensor_service", "127.0.0.1:9101") if own else ("load", recipe.instance)
    metric.update(__name__=identity.metric, job=job, instance=address, robot=recipe.robot)
    return json.dumps(metric).encode()


def lines(recipe: Recipe, identities: list[load.Identity], day: int, begin: int, end: int) -> Iterator[bytes]:
    """Yield ``day`` (since 1970) of the series as JSON lines, between the seconds ``begin`` and ``end``.

    One line is a series; one whose session changes has a line for each of its names.
    Source: https://docs.victoriametrics.com/victoriametrics/#json-line-format
    """
    start = day * DAY_SECONDS
    wanted = [n for n in range(PIECES) if begin <= start + n * PIECE_SECONDS < end]
    times = {n: _times(start + n * PIECE_SECONDS) for n in wanted}
    for number, identity in enumerate(identities):
        counters = identity.metric.endswith(("_total", "_bucket", "_count", "_sum"))
        values = _stock(counters)[(number + day) % STOCK]
        for pieces in _of_one_name(identity, recipe.churn, start, wanted):
            changed = (start + pieces[0] * PIECE_SECONDS) * recipe.churn
            yield b'{"metric":%b,"values":[%b],"timestamps":[%b]}\n' % (
                _named(identity, changed, recipe),
                b",".join([values[n] for n in pieces]),
                b",".join([times[n] for n in pieces]),
            )


def _times(start: int) -> bytes:
    return ",".join(str((start + number * STEP_SECONDS) * 1000) for number in range(SAMPLES)).encode()


def _of_one_name(identity: load.Identity, churn: float, start: int, wanted: list[int]) -> list[list[int]]:
    """Divide the pieces of a day into those in which the series has one name."""
    if identity.share < 0:
        return [wanted] if wanted else []
    found: dict[int, list[int]] = {}
    for number in wanted:
        found.setdefault(load.session(identity.share, (start + number * PIECE_SECONDS) * churn), []).append(number)
    return list(found.values())


def write(address: str, recipe: Recipe, begin: float, end: float) -> None:
    """Write the recipe's samples between two moments (seconds since 1970) into the database at ``address``.

    Raises RuntimeError where it does not take them.
    """
    first, last = (int(moment) // PIECE_SECONDS * PIECE_SECONDS for moment in (begin, end))
    identities = [*load.identities(recipe.series), *of_the_pages()]
    _stock(True), _stock(False)

    def client(number: int) -> None:
        connection = HTTPConnection(address, timeout=120)
        for day in range(first // DAY_SECONDS, (last - 1) // DAY_SECONDS + 1):
            _send(connection, lines(recipe, identities, day, first, last), number)
        connection.close()

    with ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(client, range(CLIENTS)))


def _send(connection: HTTPConnection, found: Iterator[bytes], mine: int) -> None:
    """Send those lines of a day that are this client's."""
    chunk: list[bytes] = []
    for number, line in enumerate(found):
        if number % CLIENTS == mine:
            chunk.append(line)
        if len(chunk) == SERIES_PER_REQUEST:
            _post(connection, chunk)
            chunk = []
    if chunk:
        _post(connection, chunk)


def _post(connection: HTTPConnection, chunk: list[bytes]) -> None:
    connection.request("POST", "/api/v1/import", b"".join(chunk))
    answer = connection.getresponse()
    words = answer.read()
    if answer.status >= 300:
        raise RuntimeError(f"/api/v1/import: HTTP {answer.status}: {words[:200].decode(errors='replace')}")
