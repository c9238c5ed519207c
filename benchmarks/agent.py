"""One trial of vmagent: does it keep up in a limit while there is no hub, and while it sends what it has kept?"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.ask import http

from . import collectors, product, rule, trial
from .robot.ask import fetch
from .running import MIB, Program, Running, free_address

if TYPE_CHECKING:
    from docker import DockerClient

KIND = "vmagent, without its hub and sending to it"
DROPPED = "vm_persistentqueue_bytes_dropped_total"
REFUSED = "vmagent_remotewrite_packets_dropped_total"
PENDING = "vmagent_remotewrite_pending_data_bytes"
WRITTEN = "vm_persistentqueue_bytes_written_total"
BLOCKS = "vm_persistentqueue_blocks_written_total"
ROWS = "vmagent_remotewrite_rows_pushed_after_relabel_total"
MOST_DRAIN_SECONDS = 60
NEARLY_NOTHING = 1024 * 1024  # bytes: the blocks of the last second are always under way


def program(series: int, limit_mib: int, hub: str, targets: dict[str, str]) -> Program:
    """Return vmagent as the product runs it, reading ``targets`` (job: address) and sending to ``hub`` (address)."""
    address = free_address()
    spec = product.service(
        "vmagent",
        vmagent_memory_limit_mib=limit_mib,
        vmagent_expected_series=series,
        vmagent_hub_url=f"http://{hub}",
        vmagent_hub_password="benchmark",  # noqa: S106 (the hub of a trial asks for none)
        vmagent_hub_ca="",
        vmagent_scrape_interval=collectors.SCRAPE_INTERVAL,
        vmagent_scrape_targets={job: [target] for job, target in targets.items()},
        vmagent_listen_address=address,
    )
    return Program("vmagent", spec, limit_mib, address, "/health")


def of_agent(engine: DockerClient, series: int, limit_mib: int, targets: dict[str, str]) -> trial.Trial:
    """Try it in ``limit_mib`` MiB: some time without a hub, then with one that takes everything."""
    hub = free_address()
    tried = program(series, limit_mib, hub, targets)
    made = trial.Trial(KIND, series, limit_mib)
    try:
        with Running(engine, tried) as running:
            cpu, begun = running.cpu_seconds(), time.monotonic()
            _watch(made, running, "without its hub", trial.WARM_UP_SECONDS)
            made.bytes_per_sample = _bytes_per_sample(tried.address)
            with sink(hub):
                _watch(made, running, "sending", 0)
                made.against += _left(tried.address)
            made.cpu_percent = 100 * (running.cpu_seconds() - cpu) / (time.monotonic() - begun)
            made.memory = running.memory()
    except RuntimeError as error:  # it did not start, it ended, or it is past hope
        made.against.append(str(error))
    return made


def _watch(made: trial.Trial, running: Running, moment: str, warm_up_seconds: int) -> None:
    """Judge one window, after its warm-up, and note what speaks against it."""
    questions: dict[str, Any] = {"collector": running.program.address, "queries": []}
    questions["pages"] = [running.program.address]
    if warm_up_seconds:
        trial.ask(running, {**questions, "seconds": warm_up_seconds}, trial.HOPELESS_WARM_UP_FAULTS)
    before, begun = running.counters(), time.monotonic()
    answers = trial.ask(running, {**questions, "seconds": trial.WINDOW_SECONDS}, trial.HOPELESS_FAULTS)
    after, seconds = running.counters(), time.monotonic() - begun
    rate = rule.faults_per_minute(before, after, seconds)
    made.faults_per_minute = max(made.faults_per_minute or 0.0, rate)
    limit = running.program.limit_mib
    found = rule.of_container("vmagent", before, after, seconds, limit * MIB if limit else None)
    made.against += [f"{moment}: {words}" for words in [*found, *rule.of_answers([], answers)]]


def _page(address: str) -> str:
    return fetch(address, "/metrics", 30).decode()


def _bytes_per_sample(address: str) -> float:
    """Return what a sample takes in the buffer, the eight bytes before each block included."""
    page = _page(address)
    written, blocks, rows = (http.metric(page, name) or 0.0 for name in (WRITTEN, BLOCKS, ROWS))
    return round((written + 8 * blocks) / rows, 2) if rows else 0.0


def _left(address: str) -> list[str]:
    """Return what speaks against it once it has had time to send everything."""
    until = time.monotonic() + MOST_DRAIN_SECONDS
    while (http.metric(_page(address), PENDING) or 0) > NEARLY_NOTHING:
        if time.monotonic() > until:
            return [f"it did not send its backlog within {MOST_DRAIN_SECONDS} s"]
        time.sleep(1)
    page = _page(address)
    return [f"{name} is {http.metric(page, name):g}" for name in (DROPPED, REFUSED) if http.metric(page, name)]


@contextmanager
def sink(address: str) -> Iterator[None]:
    """Have a hub on ``address`` that takes everything."""
    server = subprocess.Popen([sys.executable, str(trial.ROBOT / "sink.py"), "--listen", address])
    try:
        yield
    finally:
        server.terminate()
        server.wait(timeout=10)
