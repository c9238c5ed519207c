"""Jobs as real processes: side by side, once more where they were red, ended where the time is over."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest
from waiting import until

from tools.runner import lanes
from tools.runner.jobs import Job

NEVER = float("inf")
ALWAYS = 3600.0


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(lanes, "LOOK_SECONDS", 0.05)


def shell(name: str, command: str, **options: object) -> Job:
    return Job(name, ("sh", "-c", command), scenario=True, **options)  # type: ignore[arg-type]  # any field of a job


def verdicts(jobs: list[Job], goal: float = NEVER, end: float = NEVER, number: int = 2) -> dict[str, str]:
    return {result.job.name: result.verdict for result in lanes.run(jobs, lanes.Clock(time.time(), goal, end), number)}


def test_a_scenario_that_is_red_once_is_flaky_and_both_outputs_are_kept() -> None:
    jobs = [shell("once", "echo try; test -e seen || { touch seen; echo FAILED x::test_one; exit 1; }")]
    assert verdicts(jobs) == {"once": "FLAKY"}
    assert Path(".artifacts/once.1.log").read_text() == "try\nFAILED x::test_one\n"
    assert Path(".artifacts/once.log").read_text() == "try\n"


def test_a_scenario_that_is_red_twice_fails_and_is_not_tried_again(capfd: pytest.CaptureFixture[str]) -> None:
    jobs = [shell("twice", "echo x >> tries; echo the reason; exit 3"), shell("good", "true")]
    assert verdicts(jobs) == {"twice": "FAILED", "good": "passed"}
    assert Path("tries").read_text() == "x\nx\n"
    assert "the reason" in capfd.readouterr().out


def test_what_is_to_run_three_times_never_runs_beside_itself_and_each_output_is_kept(
    capfd: pytest.CaptureFixture[str],
) -> None:
    count = "mkdir busy || exit 2; sleep 0.2; rmdir busy; echo x >>tries; n=$(wc -l <tries); echo try $n; test $n -ne 2"
    jobs = [shell("counted", count, times=3), shell("good", "true", times=3)]
    results = lanes.run(jobs, lanes.Clock(time.time(), NEVER, NEVER), 2)
    assert [(len(one.attempts), one.green, one.verdict) for one in results] == [(3, 2, "FAILED"), (3, 3, "passed")]
    kept = [Path(f".artifacts/counted{name}.log").read_text().strip() for name in (".1", ".2", "")]
    assert kept == ["try 1", "try 2", "try 3"]
    told = capfd.readouterr().out
    assert "counted: red: try 2 (green 1 of 2), " in told
    assert "counted: green (green 2 of 3), " in told


def test_outputs_of_an_earlier_run_are_not_taken_for_this_ones() -> None:
    assert verdicts([shell("one", "true", times=3)]) == {"one": "passed"}
    assert Path(".artifacts/one.2.log").exists()
    assert verdicts([shell("one", "true")]) == {"one": "passed"}
    assert [path.name for path in Path(".artifacts").iterdir()] == ["one.log"]


def test_a_failure_is_told_though_its_output_is_no_text(capfd: pytest.CaptureFixture[str]) -> None:
    assert verdicts([shell("broken", r"printf 'a service said \377\n'; exit 1")]) == {"broken": "FAILED"}
    assert "a service said" in capfd.readouterr().out


def test_two_jobs_run_side_by_side_where_there_are_two_lanes() -> None:
    meet = "touch {0}; for i in $(seq 600); do test -e {1} && exit; sleep 0.1; done; exit 1"
    jobs = [shell("left", meet.format("l", "r")), shell("right", meet.format("r", "l"))]
    assert verdicts(jobs) == {"left": "passed", "right": "passed"}


def test_nothing_runs_beside_what_wants_to_be_alone() -> None:
    crowd = "mkdir busy || exit 1; sleep 0.3; rmdir busy"
    jobs = [shell("one", crowd, alone=True), shell("two", crowd, alone=True), shell("three", crowd)]
    assert set(verdicts(jobs, number=3).values()) == {"passed"}


def test_what_needs_a_job_that_failed_is_not_run() -> None:
    jobs = [Job("set-up", ("false",)), shell("needs it", "true", after="set-up")]
    assert verdicts(jobs) == {"set-up": "FAILED", "needs it": "NOT RUN"}


def test_an_optional_scenario_that_would_end_too_late_is_left_out() -> None:
    jobs = [
        shell("short", "true", optional=True, expected_seconds=5),
        shell("long", "true", optional=True, expected_seconds=ALWAYS),
        shell("core", "true", expected_seconds=ALWAYS),
    ]
    assert verdicts(jobs, goal=60) == {"short": "passed", "long": "left out", "core": "passed"}


def test_a_scenario_that_lacks_what_is_not_to_be_had_is_left_out_loudly_and_not_tried_again(
    capfd: pytest.CaptureFixture[str],
) -> None:
    jobs = [shell("machine", "echo x >> tries; echo 'Not to be had: QEMU.'; exit 77"), shell("good", "true")]
    assert verdicts(jobs) == {"machine": "left out", "good": "passed"}
    assert Path("tries").read_text() == "x\n"
    assert "machine: left out. Not to be had: QEMU.\n" in capfd.readouterr().out


def test_when_the_time_is_over_what_runs_is_ended_with_all_that_it_started() -> None:
    jobs = [shell("endless", "sleep 987654 & echo $! >pid; wait"), shell("later", "true", alone=True)]
    began = time.monotonic()
    assert verdicts(jobs, end=5) == {"endless": "FAILED", "later": "NOT RUN"}
    assert time.monotonic() - began < 60
    # what was killed takes its time to go on a busy computer; whoever is not asked for its end stays as Z
    until(lambda: state_of(Path("pid").read_text().strip()) in ("", "Z"), "what it had started is over", pause=0.05)


def state_of(pid: str) -> str:
    """Return the letter of a process's state, "" where there is none."""
    done = subprocess.run(["ps", "-o", "stat=", pid], capture_output=True, text=True, check=False)
    return done.stdout[:1]


def test_what_a_scenario_leaves_behind_does_not_keep_the_run_from_going_on() -> None:
    began = time.monotonic()
    assert verdicts([shell("leaves", "sleep 60 & echo done")]) == {"leaves": "passed"}
    assert time.monotonic() - began < 50


def test_the_time_of_each_action_is_known() -> None:
    lines = "INFO     [a > create] Executing\\nx\\nINFO     [a > create] Executed: Successful\\n"
    command = f"printf '{lines}'; sleep 1; echo 'INFO     [a > verify] Executing'; echo '=== 7 passed in 3.10s ==='"
    (result,) = lanes.run([shell("a", command)], lanes.Clock(time.time(), NEVER, NEVER), 1)
    (attempt,) = result.attempts
    assert attempt.tests == "7 passed"
    assert list(attempt.stages) == ["create", "verify"]
    assert attempt.stages["create"] > 0.5
