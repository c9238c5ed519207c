"""Bytes on disk a sample: the same two hours of the load, written by both collectors' own tools."""

from __future__ import annotations

import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import collectors
from .robot import load
from .running import Running, free_address

if TYPE_CHECKING:
    from docker import DockerClient

INTERVAL_SECONDS = 15
BLOCK_SECONDS = 7200  # a block of Prometheus, as it lies on disk once it has left memory
CHUNK_LINES = 50_000
ROOMY_MIB = 512


def moments() -> range:
    """Return the times of the samples: the last whole block that is over."""
    start = int(time.time()) // BLOCK_SECONDS * BLOCK_SECONDS - BLOCK_SECONDS
    return range(start, start + BLOCK_SECONDS, INTERVAL_SECONDS)


def lines(series: int, units_a_second: int) -> Iterator[str]:
    """Yield every sample of the block as text; timestamps in seconds (1) or milliseconds (1000)."""
    for moment in moments():
        for name, value in load.samples(series, float(moment)):
            yield f"{name} {value} {moment * units_a_second}\n"


def of_victoriametrics(engine: DockerClient, series: int, variables: dict[str, Any]) -> float:
    """Return VictoriaMetrics' bytes a sample, its index included, after it has merged what it got."""
    # Merging wants a key that nobody has; here it is asked for.
    open_to_us = {**variables, "victoriametrics_flags_extra": {"forceMergeAuthKey": None}}
    # Every session of the churn is a series of its own within one hour here: room for all of them.
    program = collectors.collector(collectors.VICTORIAMETRICS, ROOMY_MIB, 10 * series, free_address(), {}, open_to_us)
    with Running(engine, program) as running:
        connection = HTTPConnection(program.address, timeout=120)
        chunk: list[str] = []
        for line in lines(series, 1000):
            chunk.append(line)
            if len(chunk) == CHUNK_LINES:
                _post(connection, chunk)
                chunk = []
        _post(connection, chunk)
        for page in ("/internal/force_flush", "/internal/force_merge"):
            _get(connection, page)
        time.sleep(10)  # merging goes on behind the answer
        connection.close()
        running.container.stop(timeout=30)
        # Without the caches beside them, which are bounded and can be thrown away.
        kept = sum(size(running.folder / "data" / part) for part in ("data", "indexdb"))
        return kept / (len(moments()) * series)


def _post(connection: HTTPConnection, chunk: list[str]) -> None:
    connection.request("POST", "/api/v1/import/prometheus", "".join(chunk).encode())
    _done(connection)


def _get(connection: HTTPConnection, page: str) -> None:
    connection.request("GET", page)
    _done(connection)


def _done(connection: HTTPConnection) -> None:
    answer = connection.getresponse()
    body = answer.read()
    if answer.status >= 300:
        raise RuntimeError(f"HTTP {answer.status}: {body[:200].decode(errors='replace')}")


def of_prometheus(engine: DockerClient, series: int, folder: Path) -> float:
    """Return Prometheus' bytes a sample, its index included, in a block made in ``folder`` by its own promtool."""
    text = folder / "samples.txt"
    with text.open("w", encoding="utf-8") as file:
        file.writelines(lines(series, 1))
        file.write("# EOF\n")
    engine.containers.run(
        collectors.PROMETHEUS_IMAGE,
        ["promtool", "tsdb", "create-blocks-from", "openmetrics", "/data/samples.txt", "/data/blocks"],
        volumes={str(folder): {"bind": "/data", "mode": "rw"}},
        network_mode="none",
        remove=True,
    )
    text.unlink()
    return size(folder / "blocks") / (len(moments()) * series)


def size(folder: Path) -> int:
    """Return the bytes of all files below ``folder``."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
