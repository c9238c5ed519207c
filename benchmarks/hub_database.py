"""What a fleet takes of the hub's own database, with the hub's own flags: it is sent text, and asked as a hub is."""

from __future__ import annotations

import time
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.ask import http

from . import disk, feeding, fleet, product, rule, trial
from .robot.ask import fetch
from .running import MIB, Program, Running, free_address

if TYPE_CHECKING:
    from docker import DockerClient

SERIES = 300  # of a robot
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
