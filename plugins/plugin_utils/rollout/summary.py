"""What the summary says at the end of a rollout."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .progress import PASSED, SILENT, Progress

Line = tuple[str, bool]  # a line, and whether it is bad news


def ending(progress: Progress, failed: Mapping[str, Mapping[str, Any]]) -> list[Line]:
    """Return the lines; ``failed`` is what the robots that failed have said. Nothing happened: none."""
    if progress.check:
        return []
    lines: list[Line] = []
    passed = [name for name, word in progress.answers.items() if word == PASSED]
    if passed:
        lines.append((f"changed, and passed the gate: {', '.join(passed)}", False))
    silent = [name for name, word in progress.answers.items() if word == SILENT]
    if silent:
        lines.append((f"silent: {', '.join(silent)}", True))
    lines += [(line, True) for name in sorted(failed) for line in _failure(name, failed[name])]
    lines += [
        (f"{name} was rolled back: {step}", False)
        for name in sorted(failed)
        for step in failed[name].get("rolled_back") or []
    ]
    reached = {*progress.answers, *failed}
    left = [name for name in progress.hosts if name not in reached]
    if left and reached:
        lines.append((f"not reached: {', '.join(left)}: the rollout stopped in wave {progress.wave}", True))
    if progress.stopped:
        lines.append((f"why: {progress.stopped}", True))
    return lines


def _failure(name: str, result: Mapping[str, Any]) -> list[str]:
    """Return why a robot failed, without the log lines: they are printed above, where it failed."""
    objections, refusals = result.get("objections") or [], result.get("refusals") or []
    if objections:
        return [f"{name} did not pass the gate: {why}" for why in objections]
    if refusals:
        return [f"{name} was refused: {why}" for why in refusals]
    return [f"{name} failed: {line}" for line in str(result.get("msg", "")).splitlines()[:1]]
