"""The two services that read sensors, side by side: the one with the usual mistakes, and the product's."""

from __future__ import annotations

import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from . import collectors
from .robot.ask import fetch
from .running import Program, Running, free_address

if TYPE_CHECKING:
    from docker import DockerClient

SERVICE_IMAGE = "robot-stack-benchmark/service:bookworm"
STANDARD = "standard (Flask, Debian)"
EDGE = "edge (sensor service, Alpine)"
SCRAPES = 100
AT_ONCE = 8
ROUNDS_AT_ONCE = 5


def standard(address: str) -> Program:
    """Return the service with the usual mistakes."""
    spec = {
        "image": {"reference": SERVICE_IMAGE},
        "command": ["python3", "/service.py"],
        "environment": {"LISTEN_ADDRESS": address, "PYTHONDONTWRITEBYTECODE": "1"},
        "cpu_limit": 1.0,
        "pids_limit": 64,
        "user": "65534:65534",
    }
    return Program("standard-service", spec, None, address, "/metrics")


def edge(address: str) -> Program:
    """Return the product's sensor service in its default limit."""
    return collectors.sensor_service(collectors.SENSOR_LIMIT_MIB, address)


def measure(engine: DockerClient, program: Program) -> dict[str, Any]:
    """Return memory (MiB), CPU and time (ms) of a scrape, and the peak while several scrape at once."""
    with Running(engine, program) as running:
        pages = [fetch(program.address, "/metrics", 30) for _ in range(5)]
        series = sum(1 for line in pages[-1].decode().splitlines() if line and not line.startswith("#"))
        cpu, took = running.cpu_seconds(), []
        for _ in range(SCRAPES):
            begun = time.monotonic()
            fetch(program.address, "/metrics", 30)
            took.append((time.monotonic() - begun) * 1000)
            running.counters()
        spent = (running.cpu_seconds() - cpu) / SCRAPES * 1000
        calm = running.memory()
        _at_once(running)
        peak = running.memory().peak
    return {
        "series": series,
        "working_set_mib": round(calm.working_set, 1),
        "pss_mib": round(calm.pss, 1),
        "peak_mib": round(peak, 1),
        "cpu_ms_per_scrape": round(spent, 2),
        "scrape_ms": {"median": round(statistics.median(took), 2), "p95": round(sorted(took)[94], 2)},
    }


def _at_once(running: Running) -> None:
    """Scrape with several clients at once and sample the working set meanwhile."""
    address = running.program.address
    with ThreadPoolExecutor(AT_ONCE) as clients:
        waiting = [clients.submit(fetch, address, "/metrics", 60) for _ in range(AT_ONCE * ROUNDS_AT_ONCE)]
        while not all(answer.done() for answer in waiting):
            running.counters()
            time.sleep(0.05)
        for answer in waiting:
            answer.result()


def both(engine: DockerClient) -> dict[str, Any]:
    """Return the figures of both, by name."""
    return {
        STANDARD: measure(engine, standard(free_address())),
        EDGE: measure(engine, edge(free_address())),
    }
