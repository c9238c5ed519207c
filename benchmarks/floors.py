"""Measure the smallest limit in which each service still serves, and what GOMEMLIMIT does to it.

    make benchmark-floors    # a month behind VictoriaMetrics
    make benchmark-past      # a month and three of them, with both churns
    sudo .venv/bin/python -m benchmarks.floors [--series N] [--only PART] [--past-days N] [--churn NAME]
        [--set VARIABLE=VALUE] [--limit MIB]

A trial starts the service in a container of this machine's engine, in a limit, with the settings that the roles give
it for that limit; warms it up; asks what a dashboard asks, over half an hour and six hours; and judges by
benchmarks/rule.py. VictoriaMetrics begins with a past, none of it in the page cache: then the same graphs are opened
over a day, a week and a month, and it is judged meanwhile and afterwards. Results go to benchmarks/results/floors.json,
each as soon as it is found, and benchmarks/report.py puts them into docs/benchmark.md.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from itertools import product as each_of
from typing import TYPE_CHECKING, Any, Callable

import docker
import yaml

from . import agent, collectors, history, past, product, results, trial
from .running import Running, end_cleanly_when_told, free_address
from .search import STEP_MIB, smallest

if TYPE_CHECKING:
    from docker import DockerClient

SERIES = (200, 1000, 5000)
SERIES_OF_THE_DEFAULTS = 1000
WITH_A_PAST = (collectors.VICTORIAMETRICS, collectors.WITHOUT_GOMEMLIMIT, collectors.UPSTREAM)
# Where the search begins, in MiB: a good guess saves trials and changes no result.
GUESSES = {
    collectors.WITHOUT_GOMEMLIMIT: 1.3,
    collectors.UPSTREAM: 1.5,
    collectors.PROMETHEUS: 2.2,
    collectors.PROMETHEUS_GOMEMLIMIT: 1.5,
}  # times VictoriaMetrics' own floor


@dataclass(frozen=True)
class Search:
    """One thing to find out: the smallest limit of ``kind`` at ``series`` series."""

    kind: str
    series: int
    step: int = STEP_MIB
    behind: past.Behind | None = None  # of VictoriaMetrics; the others begin with nothing

    def name(self) -> str:
        """Return it for people."""
        after = f", {self.behind.days} days behind it, churn of {self.behind.churn}" if self.behind else ""
        return f"{self.kind}, {self.series} series{after}"

    def guess(self) -> int:
        """Return where to begin."""
        if self.kind == trial.SENSOR_SERVICE:
            return product.sensor_floor_mib()
        if self.kind == agent.KIND:
            return product.agent_floor_mib(self.series)
        times = GUESSES.get(self.kind, 1.0)
        return int(product.floor_mib(self.series) * times) // self.step * self.step


def of_the_sensor_service() -> list[Search]:
    """Return what the inventory gate must know of the sensor service, which has series of its own."""
    return [Search(trial.SENSOR_SERVICE, 0, 1)]


def of_victoriametrics(series: tuple[int, ...]) -> list[Search]:
    """Return what the inventory gate must know of VictoriaMetrics."""
    return [Search(collectors.VICTORIAMETRICS, number) for number in series]


def of_vmagent(series: tuple[int, ...]) -> list[Search]:
    """Return what the inventory gate must know of vmagent."""
    return [Search(agent.KIND, number) for number in series]


def of_gomemlimit() -> list[Search]:
    """Return what shows which setting it is that makes it fit."""
    return [Search(kind, SERIES_OF_THE_DEFAULTS, 4) for kind in (collectors.WITHOUT_GOMEMLIMIT, collectors.UPSTREAM)]


def of_prometheus(series: tuple[int, ...]) -> list[Search]:
    """Return what the comparison wants to know of the other collector."""
    kinds = (collectors.PROMETHEUS, collectors.PROMETHEUS_GOMEMLIMIT)
    return [Search(kind, number, 8) for number in series for kind in kinds]


PARTS: dict[str, Callable[[tuple[int, ...]], list[Search]]] = {
    "sensor_service": lambda _series: of_the_sensor_service(),
    "victoriametrics": of_victoriametrics,
    "vmagent": of_vmagent,
    "gomemlimit": lambda _series: of_gomemlimit(),
    "prometheus": of_prometheus,
}
USUAL = ("sensor_service", "victoriametrics", "vmagent", "gomemlimit")


def searches(parts: Sequence[str], series: Sequence[int], behind: Sequence[past.Behind]) -> list[Search]:
    """Return what is to be found out: of a database, with each of the pasts."""
    found = [search for part in parts for search in PARTS[part](tuple(series))]
    return [
        replace(search, behind=one)
        for search in found
        for one in (behind if search.kind in WITH_A_PAST else [search.behind])
    ]


Attempt = Callable[[int], trial.Trial]


def measure(engine: DockerClient, search: Search, variables: dict[str, Any]) -> dict[str, Any]:
    """Return the smallest limit of one search (None: not even the largest serves), and every trial made for it."""
    trials: list[trial.Trial] = []
    with attempts(engine, search, variables) as attempt:

        def serves(limit: int) -> bool:
            trials.append(say(attempt(limit)))
            return not trials[-1].against

        try:
            found: int | None = smallest(serves, search.guess(), search.step)
        except LookupError as error:  # the others are worth knowing
            found = None
            sys.stdout.write(f"  {error}\n")
    sys.stdout.write(f"{search.name()}: {found} MiB\n")
    return {
        "kind": search.kind,
        "series": search.series,
        "step_mib": search.step,
        "smallest_mib": found,
        "trials": [results.of_trial(made) for made in trials],
        **({"past": asdict(search.behind)} if search.behind else {}),
    }


def say(made: trial.Trial) -> trial.Trial:
    """Write a trial's line at once, and return it."""
    sys.stdout.write(f"  {made.line()}\n")
    sys.stdout.flush()
    return made


@contextmanager
def attempts(engine: DockerClient, search: Search, variables: dict[str, Any]) -> Iterator[Attempt]:
    """Have everything there that trials of ``search`` need; yield what tries a limit (MiB)."""
    if search.kind == trial.SENSOR_SERVICE:
        yield lambda limit: trial.of_sensor_service(engine, limit)
        return
    sensor = collectors.sensor_service(collectors.SENSOR_LIMIT_MIB, free_address())
    with (
        _past(engine, search) as begin,
        trial.load(search.series, *_continued(search)) as load,
        Running(engine, sensor),
    ):
        targets = {"load": load, "sensor_service": sensor.address}

        def attempt(limit: int) -> trial.Trial:
            if search.kind == agent.KIND:
                return agent.of_agent(engine, search.series, limit, targets)
            own = {"victoriametrics_retention": f"{search.behind.days}d"} if search.behind else {}
            return trial.of_collector(engine, search.kind, search.series, limit, targets, {**own, **variables}, begin)

        yield attempt


def _past(engine: DockerClient, search: Search) -> AbstractContextManager[history.Past | None]:
    """Return a context with the past that a database begins with; Prometheus and vmagent begin with none."""
    if not search.behind:
        return nullcontext()
    return history.of_the_load(engine, search.behind.recipe(search.series, history.LOAD_ADDRESS))


def _continued(search: Search) -> tuple[str, float] | tuple[()]:
    """Return where the load is to listen, and the churn that it had, so that the past's series go on."""
    return (history.LOAD_ADDRESS, past.CHURN[search.behind.churn]) if search.behind else ()


def main() -> int:
    """Run as a program."""
    parser = argparse.ArgumentParser(description="Measure the smallest limits in which the services serve.")
    parser.add_argument("--series", type=int, action="append", help="only this number of series")
    parser.add_argument("--only", choices=PARTS, action="append", help="only this part")
    parser.add_argument("--past-days", type=int, action="append", help="behind VictoriaMetrics (30)")
    parser.add_argument("--churn", choices=past.CHURN, action="append", help="in these days (benchmark)")
    parser.add_argument("--limit", type=int, action="append", help="MiB; try this one alone, and keep nothing")
    parser.add_argument("--set", metavar="VARIABLE=VALUE", action="append", default=[], help="of the inventory; YAML")
    parser.add_argument("--name", default="floors", help="name of the file with the results")
    options = parser.parse_args()
    if os.geteuid() != 0:
        parser.error("it drops images from the page cache and reads the PSS of others: run this as root")
    variables = {name: yaml.safe_load(value) for name, _, value in (pair.partition("=") for pair in options.set)}
    end_cleanly_when_told()
    engine = docker.from_env()
    days, churns = options.past_days or [past.OF_THE_GATE.days], options.churn or [past.OF_THE_GATE.churn]
    behind = [past.Behind(*one) for one in each_of(days, churns)]
    for search in searches(options.only or USUAL, options.series or SERIES, behind):
        if options.limit:
            sys.stdout.write(f"{search.name()}\n")
            with attempts(engine, search, variables) as attempt:
                for limit in options.limit:
                    say(attempt(limit))
        else:
            results.keep_floor(options.name, measure(engine, search, variables))
    engine.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
