"""What is run, what came of it, and which job is next. Nothing here starts anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

PASSED, FLAKY, FAILED, LEFT_OUT, NOT_RUN = "passed", "FLAKY", "FAILED", "left out", "NOT RUN"
NOT_TO_BE_HAD = 77  # exit code of a job that lacks what this computer cannot have; it says what in its last line


@dataclass(frozen=True)
class Job:
    """One command: a scenario, or something that comes before or beside them."""

    name: str
    argv: tuple[str, ...]
    expected_seconds: float = 60
    scenario: bool = False
    alone: bool = False  # it measures, or was red before: nothing runs beside it
    optional: bool = False  # it may be left out for lack of time
    after: str = ""  # the job that must have passed before
    times: int = 1  # more than once: so often, red or green, and one red is a failure


@dataclass(frozen=True)
class Attempt:
    """One run of a job. ``stages`` maps Molecule's actions to seconds; ``cause`` says what failed, or was lacking."""

    passed: bool
    seconds: float
    stages: dict[str, float] = field(default_factory=dict)
    tests: str = ""
    cause: str = ""
    lacking: bool = False  # it could not begin on this computer: `NOT_TO_BE_HAD`


@dataclass(frozen=True)
class Result:
    """All attempts of a job, oldest first."""

    job: Job
    attempts: tuple[Attempt, ...] = ()

    @property
    def verdict(self) -> str:
        """Return what counts: red twice is a failure, red then green is a defect of the scenario.

        Of what was to run several times, one red is a failure: how often it was green is `green`.
        """
        if not self.attempts:
            return LEFT_OUT if self.job.optional else NOT_RUN
        if self.attempts[0].lacking:
            return LEFT_OUT
        if self.job.times > 1:
            return PASSED if self.green == len(self.attempts) else FAILED
        if self.attempts[-1].passed:
            return PASSED if len(self.attempts) == 1 else FLAKY
        return FAILED

    @property
    def failed(self) -> bool:
        """Whether the whole run fails because of this job."""
        return self.verdict in (FAILED, NOT_RUN)

    @property
    def green(self) -> int:
        """Return how many of the attempts passed."""
        return sum(attempt.passed for attempt in self.attempts)

    @property
    def seconds(self) -> float:
        """Return how long all attempts took together."""
        return sum(attempt.seconds for attempt in self.attempts)


def with_attempt(result: Result, attempt: Attempt) -> Result:
    """Return the result with one attempt more."""
    return replace(result, attempts=(*result.attempts, attempt))


def again(result: Result) -> Job | None:
    """Return the job to be run once more, from its beginning.

    That is a scenario that failed for the first time, alone; and as it was, one that is to run several times.
    """
    if result.job.times > 1:
        return result.job if len(result.attempts) < result.job.times and result.verdict != LEFT_OUT else None
    if not result.job.scenario or result.verdict != FAILED or len(result.attempts) > 1:
        return None
    return replace(result.job, alone=True, optional=False)


def slowness(results: Sequence[Result]) -> float:
    """Return how much longer scenarios take here than the table says; 1 where they do not."""
    done = [(result.job, attempt) for result in results if result.job.scenario for attempt in result.attempts]
    expected = sum(job.expected_seconds for job, attempt in done if attempt.passed)
    return max(1.0, sum(attempt.seconds for _, attempt in done if attempt.passed) / expected) if expected else 1.0


def next_job(waiting: Sequence[Job], running: Sequence[Job], passed: set[str], seconds_left: float) -> Job | None:
    """Return the job that may start now beside those that run, or None.

    ``seconds_left`` is the time for optional jobs, in the table's own seconds. The order of ``waiting`` is kept, but
    for jobs that wait for another one; a job that wants to be alone is waited for.
    """
    if any(job.alone for job in running):
        return None
    for job in waiting:
        if job.after and job.after not in passed:
            continue
        if job.optional and job.expected_seconds > seconds_left:
            continue
        return None if job.alone and running else job
    return None
