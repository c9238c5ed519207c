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
from typing import TYPE_CHECKING, Any, Callable

from . import collectors, queries, rule
from .queries import Query
from .running import MIB, Memory, Program, Running, free_address

if TYPE_CHECKING:
    from docker import DockerClient

    from .history import Past

ROBOT = Path(__file__).resolve().parent / "robot"
WARM_UP_SECONDS = 40  # VictoriaMetrics shows a sample after 30 s
WINDOW_SECONDS = 30
HOPELESS_WARM_UP_FAULTS = 5000
HOPELESS_FAULTS = 100
# Graphs over a day, a week and a month are opened once each, as pages are that are looked at and not refreshed.
FAR_SECONDS = 60
FAR_PATIENCE_SECONDS = 600
SENSOR_SERVICE = "sensor service"
SERVING, AFTERWARDS = "serving", "afterwards"


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
    refused: dict[str, str] = field(default_factory=dict)  # graphs over days that were refused, with the reason
    # major faults a minute: serving, over each range, afterwards
    moments: dict[str, float] = field(default_factory=dict)

    def line(self) -> str:
        """Return the trial as a line for people."""
        where = f"{self.limit_mib} MiB" if self.limit_mib else "no limit"
        verdict = f"no: {self.against[0]}" if self.against else "serves"
        faults = "".join(f", {moment} {rate:.0f} faults/min" for moment, rate in self.moments.items())
        faults += f", {len(self.refused)} refused" if self.refused else ""
        held = f", working set {self.memory.working_set:.1f} MiB" if self.memory else ""
        sample = f", {self.bytes_per_sample} bytes a sample" if self.bytes_per_sample else ""
        return f"{self.kind}, {self.series} series, {where}: {verdict}{faults}{held}{sample}"


@contextmanager
def load(series: int, address: str = "", past_churn: float = 1.0) -> Iterator[str]:
    """Have ``series`` synthetic series served on loopback, by the program that also runs on robots."""
    address = address or free_address()
    argv = [sys.executable, str(ROBOT / "load.py"), "--listen", address, "--series", str(series)]
    server = subprocess.Popen([*argv, "--past-churn", str(past_churn)])
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
    past: Past | None = None,
) -> Trial:
    """Try collector ``kind`` in ``limit_mib`` MiB (None: no limit) with ``targets`` (job: address) to read.

    ``variables`` are further inventory variables of the product, ``past`` is what to begin with.
    """
    program = collectors.collector(kind, limit_mib, series, free_address(), targets, variables or {})
    asked = queries_for(kind, past is not None)
    made = Trial(kind, series, limit_mib)
    if past is None:
        return _of(engine, program, made, asked, [])
    return _of(engine, replace(program, history=past.data), made, asked, [], queries.far(past.days))


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


def _of(
    engine: DockerClient,
    program: Program,
    trial: Trial,
    asked: Sequence[Query],
    pages: Sequence[str],
    far: Sequence[Query] = (),
) -> Trial:
    """Warm up and judge; with ``far``, ask those too, and judge while it does and once more afterwards."""
    watch = Watch(program, trial, pages)
    try:
        with Running(engine, program) as running:
            ask(running, watch.questions(asked, WARM_UP_SECONDS), HOPELESS_WARM_UP_FAULTS)
            cpu, begun = running.cpu_seconds(), time.monotonic()
            trial.answers = watch.judge(running, SERVING, asked, WINDOW_SECONDS)
            trial.cpu_percent = 100 * (running.cpu_seconds() - cpu) / (time.monotonic() - begun)
            trial.memory = running.memory()
            if far:
                for seconds in sorted({query.range_seconds for query in far}):
                    those = [query for query in far if query.range_seconds == seconds]
                    answers = watch.judge(running, f"over {seconds // 86_400} d", those, FAR_SECONDS)
                    trial.refused |= rule.refusals(answers)
                watch.judge(running, AFTERWARDS, asked, WINDOW_SECONDS)
    except RuntimeError as error:  # it did not start, it ended, or it is past hope
        trial.against.append(str(error))
    trial.faults_per_minute = max(trial.moments.values(), default=None)
    return trial


@dataclass
class Watch:
    """Asks a program and notes in its trial what speaks against it, at each of the trial's moments."""

    program: Program
    trial: Trial
    pages: Sequence[str]

    def questions(self, asked: Sequence[Query], seconds: int) -> dict[str, Any]:
        """Return what `robot/ask.py` wants to know."""
        return queries.questions(self.program.address, self.pages, asked, seconds)

    def judge(self, running: Running, moment: str, asked: Sequence[Query], seconds: int) -> dict[str, Any]:
        """Ask for ``seconds`` and return the answers. Raises RuntimeError where it ends or is past hope."""
        before, begun = running.counters(), time.monotonic()
        patience, hopeless = 2 * seconds, HOPELESS_FAULTS
        if moment != SERVING:  # how bad it becomes is worth knowing
            patience, hopeless = FAR_PATIENCE_SECONDS, HOPELESS_WARM_UP_FAULTS
        answers = ask(running, self.questions(asked, seconds), hopeless, patience)
        after, took = running.counters(), time.monotonic() - begun
        limit = self.trial.limit_mib * MIB if self.trial.limit_mib else None
        self.trial.moments[moment] = rule.faults_per_minute(before, after, took)
        found = rule.of_container(self.program.name, before, after, took, limit) + rule.of_answers(asked, answers)
        self.trial.against += found if moment == SERVING else [f"{moment}: {words}" for words in found]
        return answers


def ask(
    running: Running,
    questions: dict[str, Any],
    hopeless: int,
    patience: float | None = None,
    inside: Sequence[str] = (),
    watch: Callable[[], object] = lambda: None,
) -> dict[str, Any]:
    """Ask for the stated time and return the answers; sample the working set meanwhile.

    ``patience`` (s) is how long to wait for them: twice the stated time where it is not said. ``inside`` is the
    program, with its arguments, that starts another one where it is asked; ``watch`` is called now and then.

    Raises RuntimeError where the service ends, or has more than ``hopeless`` major faults: in a limit that is far too
    small, nobody waits for all the queries to time out.
    """
    asking = subprocess.Popen(
        [*inside, sys.executable, str(ROBOT / "ask.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    patience = patience or 2 * questions["seconds"]
    faults, until = running.counters().major_faults, time.monotonic() + patience
    rest: str | None = json.dumps(questions)
    try:
        while True:
            try:
                answered: dict[str, Any] = json.loads(asking.communicate(rest, timeout=0.25)[0])
                return answered
            except subprocess.TimeoutExpired:
                rest = None  # it was sent with the first call
            grown = running.counters().major_faults - faults
            watch()
            if grown > hopeless:
                raise RuntimeError(f"{grown} major faults within some seconds")
            if time.monotonic() > until:
                raise RuntimeError(f"{questions['seconds']} s of questions were not answered in {patience:.0f} s")
    finally:
        asking.kill()
        asking.wait()
