"""What scenarios compete with: processes that are busy, and gone with the runner however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest
from declarations import PROJECT
from waiting import until

from tools.runner import __main__ as runner
from tools.runner import choice, lanes, load
from tools.runner.jobs import Attempt, Job, Result


def ticks(pid: int) -> int:
    """Return the processor's time that a process had in user mode, in ticks."""
    return int(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[11])


def lives(pid: int) -> bool:
    """Return whether a process runs: one that nobody has asked for its end does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_so_many_are_busy_and_they_end_with_what_they_stand_beside() -> None:
    with load.busy(2) as pids:
        assert len(set(pids)) == 2
        before = {pid: ticks(pid) for pid in pids}
        until(lambda: all(ticks(pid) > before[pid] for pid in pids), "each of them computes", pause=0.05)
        assert {os.getpriority(os.PRIO_PROCESS, pid) for pid in pids} == {os.getpriority(os.PRIO_PROCESS, 0)}
    assert [pid for pid in pids if lives(pid)] == []


def test_they_end_when_something_goes_wrong() -> None:
    pids: list[int] = []

    def fails() -> None:
        with load.busy(1) as ids:
            pids.extend(ids)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fails()
    assert [pid for pid in pids if lives(pid)] == []


def test_they_end_though_the_runner_is_killed() -> None:
    uses = "with load.busy(1) as ids: print(*ids, flush=True); time.sleep(600)"
    program = f"import time\nfrom tools.runner import load\n{uses}"
    with subprocess.Popen([sys.executable, "-c", program], cwd=PROJECT, stdout=subprocess.PIPE, text=True) as runs:
        assert runs.stdout
        pid = int(runs.stdout.readline())
        assert lives(pid)
        runs.send_signal(signal.SIGKILL)
    until(lambda: not lives(pid), "what was busy is over", pause=0.05)


def test_all_scenarios_are_run_so_often_beside_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Job] = []
    numbers: list[int] = []

    def run(jobs: list[Job], *_: object) -> list[Result]:
        given.extend(jobs)
        return [Result(job, (Attempt(True, 1),) * 3) for job in jobs]

    def busy(number: int) -> AbstractContextManager[None]:
        numbers.append(number)
        return nullcontext()

    monkeypatch.setattr(lanes, "run", run)
    monkeypatch.setattr(load, "busy", busy)
    monkeypatch.setattr(sys, "argv", ["runner", "scenarios", "all", "--times", "3", "--load", "2"])
    assert runner.main() == 0
    assert sorted(job.name for job in given) == choice.existing()
    assert [job.alone for job in given] == sorted(job.alone for job in given), "what runs alone comes last"
    assert {job.times for job in given} == {3}
    assert numbers == [2]


def test_make_hands_both_numbers_on(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").touch()
    argv = ["make", "--dry-run", "--file", str(PROJECT / "Makefile"), "scenarios", "SCENARIOS=default"]

    def told(*more: str) -> str:
        return subprocess.run([*argv, *more], cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    assert "-m tools.runner scenarios default --times 3 --load 2\n" in told("TIMES=3", "LOAD=2")
    assert "--times" not in told()
    assert "--load" not in told()


@pytest.mark.parametrize(
    "argv",
    [
        ["core", "--times", "3"],
        ["ci", "--load", "2"],
        ["scenarios", "default", "--times", "0"],
        ["scenarios", "--load=-1"],
    ],
)
def test_only_scenarios_that_are_named_are_run_several_times_or_beside_a_load(
    argv: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["runner", *argv])
    with pytest.raises(SystemExit) as refused:
        runner.main()
    assert refused.value.code == 2
