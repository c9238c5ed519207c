"""Runs jobs, some of them side by side, until all are done or the time is over."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from tools.runner import logs
from tools.runner.jobs import FLAKY, PASSED, Attempt, Job, Result, again, next_job, slowness, with_attempt
from tools.runner.summary import log_of

TAIL_LINES = 150
LOOK_SECONDS = 5  # so often it is seen whether the time is over


@dataclass(frozen=True)
class Clock:
    """When the run began, and how long it may take (seconds); no optional job is to end after ``goal``."""

    began: float
    goal: float
    end: float

    def elapsed(self) -> float:
        """Return the seconds since the run began."""
        return time.time() - self.began


@dataclass
class Running:
    """A job's process and its output, read by a thread that puts the attempt into ``done``."""

    job: Job
    log: Path
    done: queue.Queue[tuple[Job, Attempt]]
    process: subprocess.Popen[str] = field(init=False)
    began: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        """Start it, in a process group of its own."""
        environment = {**os.environ, "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            self.job.argv,
            env=environment,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def end(self) -> None:
        """End the job and all that it has started."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, number)
                self.process.wait(timeout=20)
            except ProcessLookupError:
                return
            except subprocess.TimeoutExpired:
                continue

    def _read(self) -> None:
        since = self.began
        stage, stages = "", dict[str, float]()
        with self.log.open("w", encoding="utf-8") as kept:
            for line in self.process.stdout or ():
                kept.write(line)
                kept.flush()
                action = logs.action(line)
                if action:
                    now = time.monotonic()
                    stages[stage] = stages.get(stage, 0) + now - since
                    stage, since = action, now
        stages[stage] = stages.get(stage, 0) + time.monotonic() - since
        stages.pop("", None)
        passed = self.process.wait() == 0
        text = self.log.read_text(encoding="utf-8")
        why = "" if passed else logs.cause(text)
        self.done.put((self.job, Attempt(passed, time.monotonic() - self.began, stages, logs.tests(text), why)))


def run(jobs: list[Job], clock: Clock, lanes: int) -> list[Result]:
    """Run all jobs, at most ``lanes`` at a time; return what came of each, in their order."""
    results = {job.name: Result(job) for job in jobs}
    waiting, running = list(jobs), dict[str, Running]()
    done: queue.Queue[tuple[Job, Attempt]] = queue.Queue()
    try:
        while clock.elapsed() < clock.end:
            while len(running) < lanes and (job := _next(waiting, running, results, clock)):
                waiting.remove(job)
                running[job.name] = _start(job, results[job.name], done)
            if not running:
                break
            try:
                job, attempt = done.get(timeout=LOOK_SECONDS)
            except queue.Empty:
                continue
            del running[job.name]
            results[job.name] = with_attempt(results[job.name], attempt)
            _tell(results[job.name])
            if once_more := again(results[job.name]):
                waiting.insert(0, once_more)
    finally:
        for left in running.values():
            left.end()
            over = Attempt(False, time.monotonic() - left.began, cause="ended: the time for the whole run was over")
            results[left.job.name] = with_attempt(results[left.job.name], over)
    return list(results.values())


def _next(waiting: list[Job], running: dict[str, Running], results: dict[str, Result], clock: Clock) -> Job | None:
    passed = {name for name, result in results.items() if result.verdict in (PASSED, FLAKY)}
    left = (clock.goal - clock.elapsed()) / slowness(list(results.values()))
    return next_job(waiting, [one.job for one in running.values()], passed, left)


def _start(job: Job, earlier: Result, done: queue.Queue[tuple[Job, Attempt]]) -> Running:
    log = Path(log_of(job.name))
    log.parent.mkdir(exist_ok=True)
    first = Path(log_of(job.name, 1))
    first.unlink(missing_ok=True)
    if earlier.attempts:
        log.replace(first)
    _say(f"{job.name}: running{' once more' if earlier.attempts else ''} ({log})")
    return Running(job, log, done)


def _tell(result: Result) -> None:
    last = result.attempts[-1]
    if not last.passed and not again(result):
        lines = Path(log_of(result.job.name)).read_text(encoding="utf-8").splitlines()[-TAIL_LINES:]
        _say("\n".join(lines))
    words = result.verdict if last.passed or not again(result) else f"red: {last.cause}"
    _say(f"{result.job.name}: {words}, {last.seconds:.0f} s")


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()
