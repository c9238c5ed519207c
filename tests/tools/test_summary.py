"""What a run tells at its end, and what it reads out of an output."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tools.runner import logs, summary
from tools.runner.jobs import Attempt, Job, Result

GREEN = Attempt(True, 61, {"create": 11, "converge": 20.4, "verify": 25}, "12 passed")
RED = Attempt(False, 30, {"create": 11}, "", "test_one: assert 1 == 2")


def scenario(name: str, *attempts: Attempt, optional: bool = False) -> Result:
    return Result(Job(name, ("true",), scenario=True, optional=optional), attempts)


def test_all_that_matters_is_told_and_the_last_line_is_for_programs() -> None:
    results = [
        Result(Job("linters", ("true",)), (Attempt(True, 70),)),
        scenario("good", GREEN),
        scenario("shaky", RED, GREEN),
        scenario("bad", RED, RED),
        scenario("late", optional=True),
        scenario("machine", Attempt(False, 1, cause="Not to be had: QEMU.", lacking=True)),
        scenario("never"),
    ]
    told = summary.text(results, 600)
    assert "  bad: test_one: assert 1 == 2 (.artifacts/bad.log)\n  never: not run\n" in told
    assert "  shaky: test_one: assert 1 == 2 (.artifacts/shaky.1.log)\n" in told
    assert "Left out for lack of time: late\nLeft out: machine. Not to be had: QEMU.\n" in told
    assert "Everything took 10.0 minutes.\nFAILED: bad, never\nscenarios: 2 passed, 1 failed\n" in told
    assert told.endswith("scenarios: 2 passed, 1 failed\n")
    rows = {line.split()[0]: line.split()[1:] for line in told.splitlines() if line and not line.startswith(" ")}
    assert rows["Seconds"] == ["total", *summary.STAGES, "tests"]
    assert rows["good"] == ["passed", "61", "11", "20", "25", "12", "passed"]
    assert rows["shaky"][:2] == ["FLAKY", "91"]
    assert not {"late", "machine"} & rows.keys()


def test_of_what_ran_several_times_it_is_told_how_often_it_was_green_and_where_each_red_one_is() -> None:
    job = Job("often", ("true",), scenario=True, times=3)
    told = summary.text([Result(job, (RED, GREEN, RED)), Result(replace(job, name="never_red"), (GREEN,) * 3)], 600)
    assert "  often: test_one: assert 1 == 2 (.artifacts/often.1.log)\n" in told
    assert "  often: test_one: assert 1 == 2 (.artifacts/often.log)\n" in told
    assert ".2.log" not in told
    rows = {line.split()[0]: line for line in told.splitlines() if line and not line.startswith(" ")}
    assert rows["often"].endswith("  green 1 of 3")
    assert rows["never_red"].endswith("  12 passed, green 3 of 3")
    assert told.endswith("FAILED: often\nscenarios: 1 passed, 1 failed\n")


def test_nothing_is_told_of_failures_where_there_are_none() -> None:
    told = summary.text([scenario("good", GREEN)], 61)
    for word in ("What failed", "FLAKY", "FAILED", "Left out"):
        assert word not in told
    assert told.endswith("scenarios: 1 passed, 0 failed\n")


@pytest.mark.parametrize(
    ("line", "action"),
    [
        ("INFO     [default > idempotence] Executing\n", "idempotence"),
        ("INFO     [default > idempotence] Executed: Successful\n", ""),
        ("TASK [a > verify] Executing\n", ""),
    ],
)
def test_an_action_of_molecule_begins_with_a_line(line: str, action: str) -> None:
    assert logs.action(line) == action


@pytest.mark.parametrize(
    ("log", "cause"),
    [
        (
            "    assert x\nE   AssertionError: not within 60 s: it answers\nE     assert False\n"
            "FAILED tests/test_a.py::test_one[x] - AssertionError\n",
            "test_one: AssertionError: not within 60 s: it answers",
        ),
        ("E       AssertionError: \nE       assert 1 == 0\nFAILED a::test_b\n", "test_b: assert 1 == 0"),
        (
            "TASK [One] ***\nok: [a]\n\nTASK [Two] ***\nfatal: [a]: FAILED! =>\n    changed: false\n    msg: no room\n",
            "task: Two: no room",
        ),
        ("TASK [Two] ***\nfatal: [a]: UNREACHABLE! => no route\n", "task: Two: [a]: UNREACHABLE! => no route"),
        ("CRITICAL Idempotence test failed\n", "CRITICAL Idempotence test failed"),
        ("make: *** [lint] Error 2\n\n", "make: *** [lint] Error 2"),
        ("", "it said nothing"),
    ],
)
def test_the_cause_is_one_line(log: str, cause: str) -> None:
    assert logs.cause(log) == cause


def test_a_long_cause_is_cut() -> None:
    assert len(logs.cause("E   " + "x" * 2000)) == 300


@pytest.mark.parametrize(
    ("log", "told"),
    [
        ("=== 3 passed in 1.00s ===\n===== 1 failed, 9 passed in 61.02s (0:01:01) =====\n", "1 failed, 9 passed"),
        ("1410 passed, 1 warning in 151.94s (0:02:31)\n", "1410 passed, 1 warning"),
        ("nothing\n", ""),
    ],
)
def test_the_count_of_tests_is_pytests_last(log: str, told: str) -> None:
    assert logs.tests(log) == told
