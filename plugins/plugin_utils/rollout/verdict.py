"""What the process of the canaries tells the shards: that these robots, with this declaration, have passed.

It is small, plain data, so that it can be handed on in a file or as a variable. Who has another inventory, another
declaration, other tags or another version of the project is not let through by it.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records.record_file import too_new

from ..answers import printable
from .progress import FAILED, PASSED, SILENT, UNCHANGED, Progress
from .shards import CANARIES, NOBODY, RUN, VARIABLE, ShardError

FORMAT = 1
NAME = "rollout_canaries_verdict"
WORDS = (UNCHANGED, PASSED, FAILED, SILENT)


@dataclass(frozen=True)
class Rollout:
    """What all processes of one rollout have in common, each found out by itself. Digests are of SHA-256."""

    run: str
    fleet: str  # digest of the robots, in the order of their turns
    declared: str  # digest of what the gate has passed for them, and of the project itself
    sizes: tuple[int, ...]
    tags: tuple[tuple[str, ...], tuple[str, ...]]  # those of the run, and those that it skips


def digest(value: Any) -> str:
    """Return one digest of plain data."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def of(rollout: Rollout, progress: Progress) -> dict[str, Any]:
    """Return the verdict on canaries whose turn is over; `token` tells it from every other one."""
    return {
        "format": FORMAT,
        **_common(rollout),
        "token": uuid.uuid4().hex,
        "passed": progress.canaries_passed,
        "stopped": progress.stopped,
        "answers": dict(progress.answers),
    }


def _common(rollout: Rollout) -> dict[str, Any]:
    return {
        "run": rollout.run,
        "fleet": rollout.fleet,
        "declared": rollout.declared,
        "sizes": list(rollout.sizes),
        "tags": [list(tags) for tags in rollout.tags],
    }


def after(raw: Any, where: str, rollout: Rollout, progress: Progress) -> tuple[Progress, str]:
    """Return the whole fleet's progress after its canaries, and their verdict's token.

    ``raw`` is what ``where`` holds, a file or a variable. Raises `ShardError` where the canaries have not passed.
    """
    why = _unreadable(raw) or _unfit(raw, rollout)
    if why:
        raise ShardError(f"{VARIABLE}: {where} {why}. {NOBODY}")
    if not raw["passed"]:
        stopped = printable.line(str(raw.get("stopped") or "")) or "too few of them answered"
        raise ShardError(f"{VARIABLE}: the canaries have not passed: {stopped}. {NOBODY}")
    return replace(progress, answers=dict(raw["answers"]), wave=2), str(raw["token"])


def _unreadable(raw: Any) -> str:
    """Return why ``raw`` is no verdict of ours, in words that follow its place."""
    remedy = f"run {VARIABLE}={CANARIES} first, with the same {RUN}, and bring its verdict here"
    if raw is None:
        return f"is missing, so that nobody knows whether the canaries have passed: {remedy}"
    if not isinstance(raw, Mapping):
        return f"is no verdict on canaries: {remedy}"
    newer = too_new(raw, FORMAT)
    if newer:
        return newer
    answers, text = raw.get("answers"), ("run", "fleet", "declared", "token")
    good = isinstance(answers, Mapping) and all(word in WORDS for word in answers.values())
    if not good or not isinstance(raw.get("passed"), bool) or any(not isinstance(raw.get(key), str) for key in text):
        return f"is no verdict on canaries: {remedy}"
    return ""


def _unfit(raw: Mapping[str, Any], mine: Rollout) -> str:
    """Return why the verdict is not about this rollout."""
    own = _common(mine)
    if raw["run"] != own["run"]:
        return f"is of run {printable.line(raw['run'], 80)}, and this is run {mine.run}"
    if raw["fleet"] != own["fleet"] or raw.get("sizes") != own["sizes"]:
        return (
            "is about other robots or other waves: all processes of a run need the same inventory, the same --limit, "
            "and the same rollout_waves and rollout_canaries"
        )
    if raw.get("tags") != own["tags"]:
        return (
            f"is of a run with the tags {tags_in_words(raw.get('tags'))}, and this one has {tags_in_words(own['tags'])}"
        )
    if raw["declared"] != own["declared"]:
        return (
            "is about another declaration: the inventory, the images or this project are not what the canaries have "
            f"run. Make them the same on every machine, and run {VARIABLE}={CANARIES} again"
        )
    return ""


def tags_in_words(raw: Any) -> str:
    """Return the tags of a run, and those that it skips, for people; ``raw`` is a list of both."""
    both: Sequence[Any] = raw if isinstance(raw, list) and len(raw) == 2 else [[], []]
    texts = [", ".join(map(str, tags)) if isinstance(tags, list) else "" for tags in both]
    return printable.line(texts[0] + (f", without {texts[1]}" if texts[1] else ""), 200)
