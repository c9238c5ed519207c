"""Which job is next, what is run once more, and what counts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tools.runner.jobs import Attempt, Job, Result, again, next_job, slowness

RED, GREEN = Attempt(False, 90, cause="it broke"), Attempt(True, 60)
LACKING = Attempt(False, 1, cause="Not to be had: QEMU.", lacking=True)
SCENARIO = Job("scenario", ("true",), 60, scenario=True)
OTHER = Job("other", ("true",), 60, scenario=True)
ALONE = Job("alone", ("true",), 60, alone=True)
OPTIONAL = Job("optional", ("true",), 300, scenario=True, optional=True)
AFTER = Job("after", ("true",), after="set-up")


@pytest.mark.parametrize(
    ("attempts", "verdict", "failed"),
    [
        ((), "NOT RUN", True),
        ((GREEN,), "passed", False),
        ((RED,), "FAILED", True),
        ((RED, GREEN), "FLAKY", False),
        ((RED, RED), "FAILED", True),
        ((LACKING,), "left out", False),
        ((RED, LACKING), "FAILED", True),
    ],
)
def test_red_twice_is_a_failure_and_red_then_green_is_not(
    attempts: tuple[Attempt, ...], verdict: str, failed: bool
) -> None:
    result = Result(SCENARIO, attempts)
    assert (result.verdict, result.failed) == (verdict, failed)


def test_what_is_left_out_for_lack_of_time_does_not_fail_the_run() -> None:
    assert (Result(OPTIONAL).verdict, Result(OPTIONAL).failed) == ("left out", False)


def test_a_scenario_is_run_once_more_alone_and_whatever_the_time() -> None:
    job = again(Result(OPTIONAL, (RED,)))
    assert job
    assert (job.alone, job.optional, job.name) == (True, False, "optional")
    assert again(Result(OPTIONAL, (RED, RED))) is None
    assert again(Result(OPTIONAL, (GREEN,))) is None
    assert again(Result(OPTIONAL, (LACKING,))) is None
    assert again(Result(Job("linters", ("false",)), (RED,))) is None, "what is no scenario is red at once"


@pytest.mark.parametrize(
    ("attempts", "verdict", "green", "goes_on"),
    [
        ((GREEN,), "passed", 1, True),
        ((GREEN, GREEN), "passed", 2, True),
        ((GREEN, GREEN, GREEN), "passed", 3, False),
        ((RED,), "FAILED", 0, True),
        ((RED, RED), "FAILED", 0, True),
        ((RED, GREEN), "FAILED", 1, True),
        ((GREEN, GREEN, RED), "FAILED", 2, False),
        ((LACKING,), "left out", 0, False),
    ],
)
def test_what_is_to_run_three_times_does_so_red_or_green_and_one_red_is_a_failure(
    attempts: tuple[Attempt, ...], verdict: str, green: int, goes_on: bool
) -> None:
    job = replace(SCENARIO, times=3)
    result = Result(job, attempts)
    assert (result.verdict, result.green) == (verdict, green)
    assert again(result) == (job if goes_on else None)


@pytest.mark.parametrize(
    ("waiting", "running", "passed", "left", "chosen"),
    [
        ([SCENARIO, OTHER], [], set(), 0, SCENARIO),
        ([SCENARIO, OTHER], [OTHER], set(), 0, SCENARIO),
        ([AFTER, SCENARIO], [], set(), 0, SCENARIO),
        ([AFTER, SCENARIO], [], {"set-up"}, 0, AFTER),
        ([ALONE, SCENARIO], [], set(), 0, ALONE),
        ([ALONE, SCENARIO], [OTHER], set(), 0, None),
        ([SCENARIO], [ALONE], set(), 0, None),
        ([OPTIONAL, SCENARIO], [], set(), 299, SCENARIO),
        ([OPTIONAL], [], set(), 299, None),
        ([OPTIONAL], [], set(), 300, OPTIONAL),
        ([], [], set(), 0, None),
    ],
)
def test_the_next_job(
    waiting: list[Job], running: list[Job], passed: set[str], left: float, chosen: Job | None
) -> None:
    assert next_job(waiting, running, passed, left) == chosen


def test_a_machine_is_as_slow_as_its_green_scenarios_say() -> None:
    assert slowness([]) == 1
    assert slowness([Result(SCENARIO, (Attempt(True, 30),))]) == 1, "a fast one must not promise too much"
    assert slowness([Result(SCENARIO, (Attempt(True, 120),)), Result(OTHER, (Attempt(True, 240),))]) == 3
    assert slowness([Result(SCENARIO, (RED,)), Result(Job("linters", ("true",), 1), (GREEN,))]) == 1
