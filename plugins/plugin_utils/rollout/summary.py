"""What the summary says at the end of a rollout."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from .progress import PASSED, SILENT, Progress

Line = tuple[str, bool]  # a line, and whether it is bad news


def ending(progress: Progress, failed: Mapping[str, Mapping[str, Any]]) -> list[Line]:
    """Return the lines; ``failed`` is what the robots that failed have said. Nothing happened: none."""
    lines = endings([progress], failed)
    if progress.only_canaries and progress.canaries_passed and not progress.check:
        lines.append(("the canaries have passed: the shards may begin", False))
    return lines


def endings(parts: Sequence[Progress], failed: Mapping[str, Mapping[str, Any]]) -> list[Line]:
    """Return the lines for a rollout that several processes have divided, each with a progress of its own."""
    if any(part.check for part in parts):
        return []
    lines: list[Line] = []
    answers = {name: word for part in parts for name, word in part.answers.items()}
    passed = [name for name, word in answers.items() if word == PASSED]
    if passed:
        lines.append((f"changed, and passed the gate: {', '.join(passed)}", False))
    silent = [name for name, word in answers.items() if word == SILENT]
    if silent:
        lines.append((f"silent: {', '.join(silent)}", True))
    lines += [(line, True) for name in sorted(failed) for line in _failure(name, failed[name])]
    lines += [
        (f"{name} was rolled back: {step}", False)
        for name in sorted(failed)
        for step in failed[name].get("rolled_back") or []
    ]
    return lines + [line for part in parts for line in _stop(part, {*answers, *failed}, failed)]


def _stop(part: Progress, reached: set[str], failed: Collection[str]) -> list[Line]:
    """Return where a process has stopped, and why; whom the canaries' process leaves to others it has not missed."""
    lines: list[Line] = []
    passed_on = part.only_canaries and part.canaries_passed
    left = [] if passed_on else [name for name in part.hosts if name not in reached]
    if left and reached:
        lines.append((f"not reached: {', '.join(left)}: the rollout stopped in wave {part.wave}", True))
    why = part.stopped or (_ended(part, failed) if lines else "")
    return [*lines, (f"why: {why}", True)] if why else lines


def _ended(part: Progress, failed: Collection[str]) -> str:
    """Return why Ansible ended a process by itself, as it does where every robot that it asks at once fails."""
    names = [name for name in part.hosts if name in failed and name not in part.answers]
    if not names:
        return ""
    if len(part.failed) + len(names) > part.max_failures:
        allowed = f"rollout_max_failures is {part.max_failures}"
    else:
        allowed = "and it was alone, or all others failed with it"
    return f"{', '.join((*part.failed, *names))} failed in wave {part.wave}, {allowed}"


def _failure(name: str, result: Mapping[str, Any]) -> list[str]:
    """Return why a robot failed; of its services' logs the lines that say why, the others are printed above."""
    objections, refusals = result.get("objections") or [], result.get("refusals") or []
    causes = [f"{name}: {line}" for line in result.get("causes") or []]
    if objections:
        return [*(f"{name} did not pass the gate: {why}" for why in objections), *causes]
    if refusals:
        return [f"{name} was refused: {why}" for why in refusals]
    return [*(f"{name} failed: {line}" for line in str(result.get("msg", "")).splitlines()[:1]), *causes]
