"""Does a limit serve a database that has months behind it? Trials with a past, each setting beside the others.

    sudo .venv/bin/python -m benchmarks.months --days 30 --limit 64 [--churn robots] [--with NAME:VARIABLE=VALUE ...]

Judged by benchmarks/rule.py while a dashboard is open, while graphs over a day, a week and a month are asked, and once
more afterwards. Each --with adds variables to a setting of that name, and all settings are tried in turn: major faults
and kills can be compared, times cannot where the machine has other work.
"""

from __future__ import annotations

import argparse
import os
import sys
from itertools import product
from typing import Any

import docker
import yaml

from . import collectors, history, past, results, trial
from .running import Running, end_cleanly_when_told, free_address

FITTED = "fitted"


def settings(words: list[str]) -> dict[str, dict[str, Any]]:
    """Return inventory variables by the name of their setting; what is fitted comes first, with none."""
    found: dict[str, dict[str, Any]] = {} if words else {FITTED: {}}
    for word in words:
        name, _, pair = word.partition(":")
        variable, _, value = pair.partition("=")
        own = found.setdefault(name, {})
        if variable:
            own[variable] = yaml.safe_load(value)
    return found


def say(what: str, made: trial.Trial) -> None:
    """Write a trial at once, with what was refused and what speaks against it."""
    refused = [f"  refused: {graph}: {reason}" for graph, reason in made.refused.items()]
    against = [f"  {words}" for words in made.against[1:6]]
    sys.stdout.write("\n".join([f"{what}: {made.line()}", *refused, *against, ""]))
    sys.stdout.flush()


def main() -> int:
    """Run as a program."""
    parser = argparse.ArgumentParser(description="Try limits on a database that has months behind it.")
    parser.add_argument("--series", type=int, default=1000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--churn", choices=past.CHURN, default="benchmark")
    parser.add_argument("--limit", type=int, action="append", required=True, help="MiB")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--with", dest="tried", action="append", default=[], metavar="NAME:VARIABLE=VALUE")
    parser.add_argument("--name", help="keep the trials in benchmarks/results under this name")
    options = parser.parse_args()
    if os.geteuid() != 0:
        parser.error("it drops images from the page cache and reads the PSS of others: run this as root")
    end_cleanly_when_told()
    engine = docker.from_env()
    recipe = past.Recipe(options.series, options.days, past.CHURN[options.churn], history.LOAD_ADDRESS)
    sensor = collectors.sensor_service(collectors.SENSOR_LIMIT_MIB, free_address())
    with (
        history.of_the_load(engine, recipe) as begin,
        Running(engine, sensor),
        trial.load(recipe.series, recipe.instance, recipe.churn) as load,
    ):
        targets = {"load": load, "sensor_service": sensor.address}
        for _, limit in product(range(options.rounds), options.limit):
            for name, own in settings(options.tried).items():
                variables = {"victoriametrics_retention": f"{recipe.days}d", **own}
                kind = collectors.VICTORIAMETRICS
                made = trial.of_collector(engine, kind, recipe.series, limit, targets, variables, begin)
                say(f"{recipe.days} d, {options.churn}, {name}", made)
                if options.name:
                    kept = {"days": recipe.days, "churn": options.churn, "setting": name, "series": recipe.series}
                    results.keep_trial(options.name, {**kept, **results.of_trial(made)})
    engine.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
