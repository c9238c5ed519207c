"""What a run tells at its end: where the time went, what failed and why, what was left out, and the verdict."""

from __future__ import annotations

from collections.abc import Sequence

from tools.runner.jobs import FAILED, FLAKY, LEFT_OUT, NOT_RUN, Attempt, Result

STAGES = ("create", "prepare", "check", "converge", "idempotence", "verify", "destroy")


def text(results: Sequence[Result], seconds: float) -> str:
    """Return the summary, which ends with one line that a program can read."""
    parts = [_causes(results), _table(results), _left_out(results), _flaky(results)]
    failed = [result for result in results if result.failed]
    scenarios = [result for result in results if result.job.scenario and result.attempts and result.verdict != LEFT_OUT]
    red = sum(result.verdict == FAILED for result in scenarios)
    last = [f"Everything took {seconds / 60:.1f} minutes."]
    if failed:
        last.append(f"FAILED: {', '.join(result.job.name for result in failed)}")
    last.append(f"scenarios: {len(scenarios) - red} passed, {red} failed")
    return "\n\n".join([part for part in parts if part] + ["\n".join(last)]) + "\n"


def log_of(name: str, attempt: int = 0) -> str:
    """Return where the output of a job is kept; ``attempt``: of that one, counted from 1, where later ones followed."""
    return f".artifacts/{name.replace(' ', '-')}{f'.{attempt}' if attempt else ''}.log"


def often(result: Result) -> str:
    """Return how often a job was green, of how often it ran."""
    return f"green {result.green} of {len(result.attempts)}"


def _table(results: Sequence[Result]) -> str:
    head = f"{'Seconds':<22}{'':<9}{'total':>6}" + "".join(f"{stage:>12}" for stage in STAGES) + "  tests"
    return "\n".join([head, *(_row(result) for result in results if result.verdict != LEFT_OUT)])


def _row(result: Result) -> str:
    last = result.attempts[-1] if result.attempts else None
    stages = last.stages if last else {}
    cells = "".join(f"{stages[stage]:>12.0f}" if stage in stages else f"{'':>12}" for stage in STAGES)
    told = [last.tests if last else "", often(result) if result.job.times > 1 else ""]
    row = f"{result.job.name:<22}{result.verdict:<9}{result.seconds:>6.0f}{cells}  {', '.join(filter(None, told))}"
    return row.rstrip()


def _causes(results: Sequence[Result]) -> str:
    lines = [
        f"  {result.job.name}: {attempt.cause} ({log_of(result.job.name, number % len(result.attempts))})"
        for result in results
        if result.verdict == FAILED
        for number, attempt in _told(result)
    ]
    lines += [f"  {result.job.name}: not run" for result in results if result.verdict == NOT_RUN]
    return "\n".join(["What failed", *lines]) if lines else ""


def _told(result: Result) -> list[tuple[int, Attempt]]:
    """Return the attempts, numbered from 1, whose cause is told: the last, or each that was red of several."""
    attempts = list(enumerate(result.attempts, 1))
    return [one for one in attempts if not one[1].passed] if result.job.times > 1 else attempts[-1:]


def _left_out(results: Sequence[Result]) -> str:
    left = [result for result in results if result.verdict == LEFT_OUT]
    names = [result.job.name for result in left if not result.attempts]
    lines = [f"Left out for lack of time: {', '.join(names)}"] if names else []
    lines += [f"Left out: {result.job.name}. {result.attempts[-1].cause}" for result in left if result.attempts]
    return "\n".join(lines)


def _flaky(results: Sequence[Result]) -> str:
    lines = [
        f"  {result.job.name}: {result.attempts[0].cause} ({log_of(result.job.name, 1)})"
        for result in results
        if result.verdict == FLAKY
    ]
    return "\n".join(["FLAKY: red, then green. A defect, to be mended before anything else.", *lines]) if lines else ""
