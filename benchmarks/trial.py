"""One trial: does a collector serve a number of series in a limit? Judged by the rule of benchmarks/rule.py."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import collectors, queries, rule
from .queries import Query
from .running import MIB, Memory, Program, Running, free_address

if TYPE_CHECKING:
    from docker import DockerClient

ROBOT = Path(__file__).resolve().parent / "robot"
WARM_UP_SECONDS = 40  # VictoriaMetrics shows a sample after 30 s
WINDOW_SECONDS = 30
HOPELESS_WARM_UP_FAULTS = 5000
HOPELESS_FAULTS = 100
SENSOR_SERVICE = "sensor service"


@dataclass
class Trial:
    """What was seen: everything that speaks against "it serves", and the figures. Empty `against`: it served."""

    kind: str
    series: int
    limit_mib: int | None
    against: list[str] = field(default_factory=list)
    memory: Memory | None = None
    answers: dict[str, Any] = field(default_factory=dict)
    faults_per_minute: float | None = None
    cpu_percent: float | None = None
    bytes_per_sample: float | None = None  # of vmagent's buffer

    def line(self) -> str:
        """Return the trial as a line for people."""
        where = f"{self.limit_mib} MiB" if self.limit_mib else "no limit"
        verdict = f"no: {self.against[0]}" if self.against else "serves"
        faults = "" if self.faults_per_minute is None else f", {self.faults_per_minute:.0f} faults/min"
        held = f", working set {self.memory.working_set:.1f} MiB" if self.memory else ""
        sample = f", {self.bytes_per_sample} bytes a sample" if self.bytes_per_sample else ""
        return f"{self.kind}, {self.series} series, {where}: {verdict}{faults}{held}{sample}"


@contextmanager
def load(series: int) -> Iterator[str]:
    """Have ``series`` synthetic series served on loopback, by the program that also runs on robots."""
    address = free_address()
    server = subprocess.Popen([sys.executable, str(ROBOT / "load.py"), "--listen", address, "--series", str(series)])
    try:
        yield address
    finally:
        server.terminate()
        server.wait(timeout=10)


def of_collector(
    engine: DockerClient,
    kind: str,
    series: int,
    limit_mib: int | None,
    targets: dict[str, str],
    variables: dict[str, Any] | None = None,
    past: Path | None = None,
) -> Trial:
    """Try collector ``kind`` in ``limit_mib`` MiB (None: no limit) with ``targets`` (job: address) to read.

    ``variables`` are further inventory variables of the product, ``past`` is a data directory to begin with.
    """
    program = collectors.collector(kind, limit_mib, series, free_address(), targets, variables or {})
    asked = queries_for(kind, past is not None)
    return _of(engine, replace(program, history=past), Trial(kind, series, limit_mib), asked, [])


def of_sensor_service(engine: DockerClient, limit_mib: int) -> Trial:
    """Try the sensor service in ``limit_mib`` MiB, read once a second."""
    program = collectors.sensor_service(limit_mib, free_address())
    return _of(engine, program, Trial(SENSOR_SERVICE, 0, limit_mib), [], [program.address])


def queries_for(kind: str, with_past: bool = False) -> list[Query]:
    """Return the stated queries as ``kind`` understands them.

    Everything must be answered, but some of it may be without data here: no stack is deployed on this machine, so its
    own series are missing; and a graph over six hours has more than a minute between two points, which is longer
    than a database without a past lives before it is judged.
    """
    asked = queries.stated()
    if kind.startswith("Prometheus"):
        asked = [query.in_promql() for query in asked]
    return [replace(q, needs_data=q.needs_data and _has_data_here(q, with_past)) for q in asked]


def _has_data_here(query: Query, with_past: bool) -> bool:
    of_a_stack = "container_" in query.expr or "robot_stack_" in query.expr
    return (with_past or query.range_seconds <= queries.HALF_AN_HOUR) and not of_a_stack


def _of(engine: DockerClient, program: Program, trial: Trial, asked: Sequence[Query], pages: Sequence[str]) -> Trial:
    questions = {"collector": program.address, "queries": [query.asked() for query in asked], "pages": pages}
    try:
        with Running(engine, program) as running:
            ask(running, {**questions, "seconds": WARM_UP_SECONDS}, HOPELESS_WARM_UP_FAULTS)
            before, cpu, begun = running.counters(), running.cpu_seconds(), time.monotonic()
            trial.answers = ask(running, {**questions, "seconds": WINDOW_SECONDS}, HOPELESS_FAULTS)
            after, seconds = running.counters(), time.monotonic() - begun
            trial.cpu_percent = 100 * (running.cpu_seconds() - cpu) / seconds
            trial.memory = running.memory()
    except RuntimeError as error:  # it did not start, it ended, or it is past hope
        trial.against.append(str(error))
        return trial
    limit = trial.limit_mib * MIB if trial.limit_mib else None
    trial.faults_per_minute = rule.faults_per_minute(before, after, seconds)
    trial.against += rule.of_container(program.name, before, after, seconds, limit)
    trial.against += rule.of_answers(asked, trial.answers)
    return trial


def ask(running: Running, questions: dict[str, Any], hopeless: int) -> dict[str, Any]:
    """Ask for the stated time and return the answers; sample the working set meanwhile.

    Raises RuntimeError where the service ends, or has more than ``hopeless`` major faults: in a limit that is far too
    small, nobody waits for all the queries to time out.
    """
    asking = subprocess.Popen(
        [sys.executable, str(ROBOT / "ask.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    faults, until = running.counters().major_faults, time.monotonic() + 2 * questions["seconds"]
    rest: str | None = json.dumps(questions)
    try:
        while True:
            try:
                answered: dict[str, Any] = json.loads(asking.communicate(rest, timeout=0.25)[0])
                return answered
            except subprocess.TimeoutExpired:
                rest = None  # it was sent with the first call
            grown = running.counters().major_faults - faults
            if grown > hopeless:
                raise RuntimeError(f"{grown} major faults within some seconds")
            if time.monotonic() > until:
                raise RuntimeError(f"{questions['seconds']} s of questions were not answered in twice the time")
    finally:
        asking.kill()
        asking.wait()
