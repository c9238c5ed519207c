"""Measure the smallest limit in which each service still serves, and what GOMEMLIMIT does to it.

    make benchmark-floors
    sudo .venv/bin/python -m benchmarks.floors [--series N] [--only PART] [--set VARIABLE=VALUE]

A trial starts the service in a container of this machine's engine, in a limit, with the settings that the roles give
it for that limit; warms it up; asks what a dashboard asks; and judges by benchmarks/rule.py. Results go to
benchmarks/results/floors.json, and benchmarks/report.py puts them into docs/benchmark.md.
"""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
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
DAYS = 30  # of the past: the product's default retention
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


def measure(engine: DockerClient, search: Search, variables: dict[str, Any]) -> dict[str, Any]:
    """Return the smallest limit of one search, and every trial made for it."""
    trials: list[trial.Trial] = []

    def serves(limit: int, attempt: Callable[[int], trial.Trial]) -> bool:
        made = attempt(limit)
        trials.append(made)
        sys.stdout.write(f"  {made.line()}\n")
        sys.stdout.flush()
        return not made.against

    if search.kind == trial.SENSOR_SERVICE:
        found = smallest(
            lambda n: serves(n, lambda limit: trial.of_sensor_service(engine, limit)), search.guess(), search.step
        )
    else:
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
                return trial.of_collector(engine, search.kind, search.series, limit, targets, variables, begin)

            found = smallest(lambda n: serves(n, attempt), search.guess(), search.step)
    sys.stdout.write(f"{search.kind}, {search.series} series: {found} MiB\n")
    return {
        "kind": search.kind,
        "series": search.series,
        "step_mib": search.step,
        "smallest_mib": found,
        "trials": [results.of_trial(made) for made in trials],
    }


def _past(engine: DockerClient, search: Search) -> AbstractContextManager[history.Past | None]:
    """Return a context with the past that a database begins with; Prometheus and vmagent begin with none."""
    if search.kind not in WITH_A_PAST:
        return nullcontext()
    return history.of_the_load(engine, _recipe(search))


def _continued(search: Search) -> tuple[str, float] | tuple[()]:
    """Return where the load is to listen, and the churn that it had, so that the past's series go on."""
    recipe = _recipe(search)
    return (recipe.instance, recipe.churn) if search.kind in WITH_A_PAST else ()


def _recipe(search: Search) -> past.Recipe:
    return past.Recipe(search.series, DAYS, past.BENCHMARK, history.LOAD_ADDRESS)


def main() -> int:
    """Run as a program."""
    parser = argparse.ArgumentParser(description="Measure the smallest limits in which the services serve.")
    parser.add_argument("--series", type=int, action="append", help="only this number of series")
    parser.add_argument("--only", choices=PARTS, action="append", help="only this part")
    parser.add_argument("--set", metavar="VARIABLE=VALUE", action="append", default=[], help="of the inventory; YAML")
    parser.add_argument("--name", default="floors", help="name of the file with the results")
    options = parser.parse_args()
    if os.geteuid() != 0:
        parser.error("it drops images from the page cache and reads the PSS of others: run this as root")
    variables = {name: yaml.safe_load(value) for name, _, value in (pair.partition("=") for pair in options.set)}
    end_cleanly_when_told()
    engine = docker.from_env()
    for part in options.only or ["sensor_service", "victoriametrics", "vmagent", "gomemlimit"]:
        for search in PARTS[part](tuple(options.series or SERIES)):
            results.keep_floor(options.name, measure(engine, search, variables))
    engine.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
