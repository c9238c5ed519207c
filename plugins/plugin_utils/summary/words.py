"""The sentences at the end of a run: what changed, what differs and why, and who did not answer."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

MOST_DIFF_LINES = 24
OF_ANSIBLE = "Task failed: "  # before what a connection says: it tells nothing
LONGEST = 200  # letters of a connection's words: of a whole fleet that is silent, each has its line


def joined(before: dict[str, Any] | None, now: dict[str, Any]) -> dict[str, Any]:
    """Return a robot's answer after the one ``before`` in the same playbook: what that one changed is told with it.

    So is what a rollout changed with the figures of its judgement, and what one role changed with those of the next.
    An answer that does not say what was asked is none of the module's: it has failed, and the figures before it stay.
    """
    if before is None or not _goes_on(before, now):
        return now
    done = [answer for answer in (before, now) if answer.get("changed")]
    plan = [step for answer in done or [now] for step in answer.get("plan") or []]
    both = [*(before.get("records") or []), *(now.get("records") or [])]
    found = {**({} if now.get("asked") else before), **now, "plan": plan, "changed": bool(done)}
    return {**found, **({"records": list(dict.fromkeys(both))} if both else {})}


def _goes_on(before: dict[str, Any], now: dict[str, Any]) -> bool:
    """Whether an answer is about what was done before it."""
    asked = now.get("asked")
    if asked == "proven":
        return True
    return before.get("asked") == "present" and asked in (None, "present")


def differences(result: dict[str, Any]) -> list[str]:
    """Return what a verified robot differs in: first in words, then text as a diff (- what is there, + as declared)."""
    if result.get("asked") != "verified":
        return []
    found = [f"  - {step}" for step in result.get("plan") or []]
    for diff in result.get("diff") or []:
        before, after = (str(diff.get(side) or "").splitlines() for side in ("before", "after"))
        changed = list(difflib.unified_diff(before, after, n=0, lineterm=""))[2:]
        found += [f"    {diff.get('after_header')}"] if changed else []
        found += [f"      {line}" for line in changed[:MOST_DIFF_LINES] if not line.startswith("@@")]
        left = len(changed) - MOST_DIFF_LINES
        found += [f"      ... and {left} lines more: site.yml --check --diff shows them"] if left > 0 else []
    return found


def reasons(robot: str, result: dict[str, Any]) -> list[str]:
    """Return why each verdict of a robot's that is not ok is what it is, a line each."""
    judged = [*(result.get("services") or {}).items(), ("engine", result.get("engine_usage") or {})]
    judged.append(("whole stack", result.get("budget") or {}))
    return [f"{robot} {name}: {why}" for name, row in judged for why in (row.get("reasons") or [])]


def records(robot: str, result: dict[str, Any]) -> list[str]:
    """Return what of our own files on a robot could not be believed, a line each."""
    return [f"{robot}: {sentence}" for sentence in result.get("records") or []]


def unobserved(result: dict[str, Any]) -> list[str]:
    """Return why a robot could not be observed, where that is not among the reasons of its refusal already."""
    return [why for why in result.get("unobserved") or [] if why not in (result.get("refusals") or [])]


def failure(robot: str, result: dict[str, Any]) -> list[str]:
    """Return why a robot failed, a line each, where neither a refusal nor a difference says it."""
    told_otherwise = (
        result.get("refusals") or result.get("unobserved") or result.get("asked") in ("verified", "planned")
    )
    if not result.get("failed") or told_otherwise:
        return []
    first = str(result.get("msg") or "").splitlines()[:1]
    return [f"{robot} failed: {words}" for words in first] + [f"{robot}: {why}" for why in result.get("causes") or []]


def told(results: dict[str, dict[str, Any]], unreachable: Mapping[str, str], in_waves: bool = False) -> list[str]:
    """Return what changed, what was refused, what is wrong and who did not answer, and in whose words, a line each.

    ``in_waves``: the failures of robots are told where the rollout is (`rollout/summary.py`).
    """
    found = []
    for robot, result in sorted(results.items()):
        verb = "changed" if result.get("changed") else "would change"
        steps = [] if result.get("asked") == "verified" else result.get("plan") or []
        found += [f"{robot} {verb}: {step}" for step in steps]
        found += [f"{robot} refused: {reason}" for reason in (result.get("refusals") or [])]
        found += [] if in_waves else failure(robot, result)
        found += records(robot, result)
        found += [f"{robot}: {sentence}" for sentence in result.get("shut_out") or []]
        found += [f"{robot}: {sentence}" for sentence in result.get("backups") or []]
        found += [f"{robot} could not be observed: {why}" for why in unobserved(result)]
        found += reasons(robot, result)
        if "budget" in result:
            left = result["budget"].get("left_mib")
            told = f"{left} MiB of its budget are unassigned" if left else "its whole budget is assigned"
            found += [f"{robot}: {told}."] if left is not None else []
        if (result.get("engine_usage") or {}).get("below_ceiling") is False:
            found.append(f"{robot}: its engine is outside the ceiling: its memory is counted, not capped.")
    return found + [silent(robot, words) for robot, words in sorted(unreachable.items())]


def silent(robot: str, words: str) -> str:
    """Return that a robot did not answer, and why: a full disk is told here as well as a cable that is unplugged."""
    why = words.removeprefix(OF_ANSIBLE).strip().rstrip(".")
    return f"{robot} could not be reached{f': {_shortened(why)}' if why else '.'}"


def _shortened(words: str) -> str:
    return words if len(words) <= LONGEST else f"{words[:LONGEST].rstrip()}..."
