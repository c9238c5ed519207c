"""After each batch: what became of its robots, who must be judged, and where the rollout goes from there."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from .progress import FAILED, PASSED, SILENT, UNCHANGED, Progress

Answers = Mapping[str, Mapping[str, Any]]  # robot -> what its module run said; robots that failed are not among them


@dataclass(frozen=True)
class Decision:
    """`judge`: who changed (or was never judged); `ends`: "" (the batch goes on), "batch" or "play".

    `silent`: who did not answer while others are to be judged; what those are asked then takes its place.
    """

    progress: Progress
    judge: list[str]
    ends: str
    silent: tuple[str, ...] = ()


def answered(progress: Progress, answers: Answers) -> Decision:
    """Decide after the robots were made equal to their declaration."""
    judge = [] if progress.check else [name for name in progress.batch if _unproven(answers.get(name, {}))]
    if judge:
        silent = [name for name in progress.batch if name not in judge and answers.get(name, {}).get("unreachable")]
        return Decision(progress, judge, "", tuple(silent))
    return _finished(progress, answers, ())


def judged(progress: Progress, answers: Answers, judge: Collection[str], silent: Collection[str] = ()) -> Decision:
    """Decide after the robots in ``judge`` were judged; ``answers`` are those of the judgement where there was one.

    Robots that were ``silent`` before it were not asked again, whatever stands in the place of their answer.
    """
    return _finished(progress, {**answers, **{name: {"unreachable": True} for name in silent}}, judge)


def _finished(progress: Progress, answers: Answers, judge: Collection[str]) -> Decision:
    words = {name: _word(name, answers, judge) for name in progress.batch}
    failed = [name for name, word in words.items() if word == FAILED]
    if progress.wave == 1:  # a canary that fell silent after its change may be a robot that the change has killed
        failed += [name for name in judge if words.get(name) == SILENT]
    after = progress.after(words, failed)
    ends = "play" if after.stopped or after.wave > progress.wave == 1 else "batch"
    return Decision(after, [], ends)


def _word(name: str, answers: Answers, judge: Collection[str]) -> str:
    if name not in answers:
        return FAILED
    if answers[name].get("unreachable"):
        return SILENT
    if name not in judge:
        return UNCHANGED
    # Otherwise its answer is still that of its change: it was not asked again.
    return PASSED if answers[name].get("proven") else FAILED


def unjudged(answers: Answers, judge: Collection[str]) -> list[str]:
    """Return who of ``judge`` was not judged: others have failed since, are silent, or proven."""
    return [name for name in judge if name in answers and _word(name, answers, judge) == FAILED]


def _unproven(answer: Mapping[str, Any]) -> bool:
    """Whether a robot must be judged: it changed, or this run or one before it was cut off while it did."""
    if answer.get("begun"):
        return True
    if answer.get("unreachable") or "proven" not in answer:
        return False
    return bool(answer.get("changed")) or not answer["proven"]
