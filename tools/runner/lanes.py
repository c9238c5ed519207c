"""Runs jobs, some of them side by side, until all are done or the time is over."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from tools.runner import logs, summary
from tools.runner.jobs import (
    FLAKY,
    NOT_TO_BE_HAD,
    PASSED,
    Attempt,
    Job,
    Result,
    again,
    next_job,
    slowness,
    with_attempt,
)
from tools.runner.summary import log_of

TAIL_LINES = 150
LOOK_SECONDS = 0.5


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
    """A job's process. Its output goes to a file: a pipe stays open for as long as anything that it has left behind."""

    job: Job
    log: Path
    process: subprocess.Popen[bytes] = field(init=False)
    began: float = field(default_factory=time.monotonic)
    _begun: list[tuple[str, float]] = field(default_factory=list)  # Molecule's actions, and when each began

    def __post_init__(self) -> None:
        """Start it, in a process group of its own."""
        environment = {**os.environ, "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                self.job.argv,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def look(self) -> Attempt | None:
        """See which action runs; return the attempt once it is over."""
        code, now = self.process.poll(), time.monotonic()
        text = self.log.read_text(encoding="utf-8", errors="replace")
        actions = [action for line in text.splitlines() if (action := logs.action(line))]
        self._begun += [(action, now) for action in actions[len(self._begun) :]]
        if code is None:
            return None
        stages: dict[str, float] = {}
        ends = [moment for _, moment in self._begun[1:]] + [now]
        for (action, began), end in zip(self._begun, ends):
            stages[action] = stages.get(action, 0) + end - began
        if code == NOT_TO_BE_HAD:
            return Attempt(False, now - self.began, cause=logs.last_line(text), lacking=True)
        return Attempt(code == 0, now - self.began, stages, logs.tests(text), logs.cause(text) if code else "")

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


def run(jobs: list[Job], clock: Clock, lanes: int) -> list[Result]:
    """Run all jobs, at most ``lanes`` at a time; return what came of each, in their order."""
    results = {job.name: Result(job) for job in jobs}
    waiting, running = list(jobs), dict[str, Running]()
    try:
        while clock.elapsed() < clock.end:
            while len(running) < lanes and (job := _next(waiting, running, results, clock)):
                waiting.remove(job)
                running[job.name] = _start(job, results[job.name])
            if not running:
                break
            time.sleep(LOOK_SECONDS)
            for name, attempt in [(name, attempt) for name, one in running.items() if (attempt := one.look())]:
                del running[name]
                results[name] = with_attempt(results[name], attempt)
                _tell(results[name])
                if once_more := again(results[name]):
                    waiting.insert(len(waiting) if once_more.times > 1 else 0, once_more)
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


def _start(job: Job, earlier: Result) -> Running:
    log = Path(log_of(job.name))
    log.parent.mkdir(exist_ok=True)
    if earlier.attempts:
        log.replace(log_of(job.name, len(earlier.attempts)))
    else:
        for old in log.parent.glob(f"{log.stem}.[0-9]*.log"):
            old.unlink()
    _say(f"{job.name}: running{' once more' if earlier.attempts else ''} ({log})")
    return Running(job, log)


def _tell(result: Result) -> None:
    last = result.attempts[-1]
    if last.lacking:
        _say(f"{result.job.name}: {result.verdict}. {last.cause}")
        return
    if not last.passed and not again(result):
        lines = Path(log_of(result.job.name)).read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL_LINES:]
        _say("\n".join(lines))
    if result.job.times > 1:
        words = f"{'green' if last.passed else f'red: {last.cause}'} ({summary.often(result)})"
    else:
        words = result.verdict if last.passed or not again(result) else f"red: {last.cause}"
    _say(f"{result.job.name}: {words}, {last.seconds:.0f} s")


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()
