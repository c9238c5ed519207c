"""Before and after, in one run: the standard stack against the edge stack, on this machine.

    make benchmark
    sudo .venv/bin/python -m benchmarks.compare [--series N]

Results go to benchmarks/results/compare.json; benchmarks/report.py puts them into docs/benchmark.md.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import docker

from . import collectors, disk, floors, grafana, product, results, services, trial
from .running import MIB, WORK, Running, end_cleanly_when_told, free_address

if TYPE_CHECKING:
    from docker import DockerClient


def images(engine: DockerClient, variables: dict[str, Any]) -> dict[str, float]:
    """Return the size of each image, in MiB, as the engine stores it."""
    sensor = product.service("sensor_service")["image"]["reference"]
    database = product.service("victoriametrics", **variables)["image"]["reference"]
    names = (services.SERVICE_IMAGE, collectors.PROMETHEUS_IMAGE, sensor, database)
    return {name: round(engine.images.get(name).attrs["Size"] / MIB, 1) for name in names}


def of_collectors(engine: DockerClient, series: int, variables: dict[str, Any]) -> dict[str, Any]:
    """Return what each collector costs at ``series`` series while a dashboard is open.

    Prometheus as it comes, without a limit; VictoriaMetrics in the limit that the inventory gate would accept, which
    is the product's default where that is enough.
    """
    default = int(product.default("victoriametrics_memory_limit_mib"))
    limit = max(default, product.floor_mib(series))
    found = {}
    sensor = collectors.sensor_service(collectors.SENSOR_LIMIT_MIB, free_address())
    with trial.load(series) as load, Running(engine, sensor):
        targets = {"load": load, "sensor_service": sensor.address}
        for kind, mib in ((collectors.PROMETHEUS, None), (collectors.VICTORIAMETRICS, limit)):
            made = trial.of_collector(engine, kind, series, mib, targets, variables)
            say(made.line())
            found[kind] = results.of_trial(made)
    return found


def bytes_per_sample(engine: DockerClient, series: int, variables: dict[str, Any]) -> dict[str, float]:
    """Return the bytes on disk of a sample, by collector."""
    WORK.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=WORK) as folder:
        found = {
            collectors.PROMETHEUS: round(disk.of_prometheus(engine, series, Path(folder)), 2),
            collectors.VICTORIAMETRICS: round(disk.of_victoriametrics(engine, series, variables), 2),
        }
    say(f"bytes a sample at {series} series: {found}")
    return found


def say(line: str) -> None:
    """Write a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Run as a program."""
    parser = argparse.ArgumentParser(description="Compare the standard stack with the edge stack.")
    parser.add_argument("--series", type=int, action="append", help="only this number of series")
    parser.add_argument("--set", metavar="VARIABLE=VALUE", action="append", default=[], help="an inventory variable")
    options = parser.parse_args()
    if os.geteuid() != 0:
        parser.error("it drops images from the page cache and reads the PSS of others: run this as root")
    variables = dict(pair.split("=", 1) for pair in options.set)
    numbers = options.series or floors.SERIES
    end_cleanly_when_told()
    engine = docker.from_env()
    found: dict[str, Any] = {"images_mib": images(engine, variables), "services": services.both(engine)}
    say(f"services: {found['services']}")
    found["grafana"] = grafana.measure(engine)
    say(f"grafana: {found['grafana']}")
    found["collectors"] = {str(number): of_collectors(engine, number, variables) for number in numbers}
    found["bytes_per_sample"] = {str(number): bytes_per_sample(engine, number, variables) for number in numbers}
    results.keep("compare", found)
    engine.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
