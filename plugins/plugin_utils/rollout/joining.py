"""Several processes' parts of a run become the whole: what belongs together, what is missing, and what went wrong."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .common import unlike
from .progress import Progress
from .results import Result, named, read_all
from .shards import CANARIES, Shard, ShardError, parse

ROLLOUT = "site"  # the playbook that has canaries


class ApartError(ValueError):
    """Results that are not of one run; the message says which, and why. Nothing is made of them."""


@dataclass(frozen=True)
class Joined:
    """One run. `wrong` says, a sentence each, why it is no success."""

    run: str
    playbook: str
    parts: tuple[Result, ...]
    wrong: tuple[str, ...]

    @property
    def answers(self) -> dict[str, dict[str, Any]]:
        """What the robots said, by name."""
        return {name: answer for part in self.parts for name, answer in part.answers.items()}

    @property
    def failed(self) -> dict[str, dict[str, Any]]:
        """What the robots said that failed."""
        return {name: answer for name, answer in self.answers.items() if answer.get("failed")}

    @property
    def unreachable(self) -> dict[str, str]:
        """Who did not answer."""
        return {name: words for part in self.parts for name, words in part.unreachable.items()}

    @property
    def rollouts(self) -> list[Progress]:
        """How far each process has brought the rollout; none where the playbook has no waves."""
        return [progress for part in self.parts if (progress := part.progress) is not None]

    @property
    def robots(self) -> list[str]:
        """Everybody, in the inventory's order."""
        return self.parts[0].fleet

    @property
    def complete(self) -> bool:
        """Whether every process is there and has ended: only then is it known what the run has done."""
        return all(part.ended_at for part in self.parts) and not _missing(self.parts) and not _without(self.parts)

    @property
    def told(self) -> str:
        """The run in a sentence, and what is wrong with it."""
        shards = ", ".join(part.shard for part in self.parts)
        had = len({name for part in self.parts for name in part.reached})
        head = f"Run {self.run} of {self.playbook}.yml: results of {shards}; {had} of {len(self.robots)} robots."
        return "\n".join([head, *(f"- {sentence}" for sentence in self.wrong)])


def join(found: Sequence[Result], run: str, robots: Collection[str]) -> Joined:
    """Return the run ``run`` over ``robots`` (the inventory's). Raises `ApartError`."""
    parts = sorted(found, key=_place)
    why = _apart(parts, run, robots)
    if why:
        raise ApartError("\n".join(["These are not the results of one run:", *(f"- {sentence}" for sentence in why)]))
    return Joined(run, parts[0].playbook, tuple(parts), tuple(_wrong(parts)))


def of_folder(where: Path) -> Joined:
    """Return the run whose results are in ``where``, for who tells what `join` has found.

    Raises `ApartError`, or `results.ResultError`.
    """
    found = read_all(where)
    return join(found, where.name, found[0].fleet if found else [])


def _place(part: Result) -> tuple[int, int, str]:
    shard = _shard(part)
    return (shard.of, shard.number, "") if shard else (0, 0, part.shard)


def _shard(part: Result) -> Shard | None:
    try:
        return parse(part.shard)
    except ShardError:
        return None


def _apart(parts: Sequence[Result], run: str, robots: Collection[str]) -> list[str]:
    """Return why the parts are not of one run."""
    if not parts:
        return [f"there are none of run {run}"]
    why = [f"{part.shard} is of run {part.run}, not of run {run}" for part in parts if part.run != run]
    why += [f"{part.shard} is no part of a run" for part in parts if _shard(part) is None]
    first = parts[0]
    why += [
        f"{part.shard} is of {part.playbook}.yml, and {first.shard} is of {first.playbook}.yml"
        for part in parts
        if part.playbook != first.playbook
    ]
    why += [f"{name} is there {count} times" for name, count in Counter(p.shard for p in parts).items() if count > 1]
    divisors = sorted({shard.of for part in parts if (shard := _shard(part)) and shard.of})
    if len(divisors) > 1:
        why.append(f"some divide it by {' and some by '.join(map(str, divisors))}")
    return why + _other_fleets(parts, robots) + unlike(parts) + _other_canaries(parts) + _overlaps(parts)


def _other_fleets(parts: Sequence[Result], robots: Collection[str]) -> list[str]:
    """Return the parts that are of another inventory than the others, or all than this one."""
    first, why = parts[0], []
    for part in parts[1:]:
        if part.fleet != first.fleet:
            odd = sorted({*part.fleet} ^ {*first.fleet})
            words = f"{named(odd)} {'are' if len(odd) > 1 else 'is'} in one of them only" if odd else "in another order"
            why.append(f"{part.shard} and {first.shard} are of different inventories: {words}")
    odd = sorted({*first.fleet} ^ {*robots})
    if not why and odd:
        why.append(f"they are not of this inventory, or of another --limit: {named(odd)} only there, or only here")
    return why


def _other_canaries(parts: Sequence[Result]) -> list[str]:
    """Return the shards that were let through by other canaries than those of this run."""
    tokens = {part.token for part in parts if part.shard != CANARIES}
    own = {str(part.verdict.get("token") or "") for part in parts if part.shard == CANARIES and part.verdict}
    tokens |= own
    return ["they went on from different canaries: one was left over from an earlier time"] if len(tokens) > 1 else []


def _overlaps(parts: Sequence[Result]) -> list[str]:
    """Return the parts that have the same robots, or some that nobody has."""
    why, owner = [], dict[str, str]()
    for part in parts:
        twice = [name for name in part.reached if name in owner]
        if twice:
            why.append(f"{part.shard} and {owner[twice[0]]} both have {named(twice)}")
        owner.update(dict.fromkeys(part.reached, part.shard))
        strange = sorted({*part.reached} - {*part.fleet})
        if strange:
            why.append(f"{part.shard} has {named(strange)}, and its inventory has not")
    return why


def _wrong(parts: Sequence[Result]) -> list[str]:
    """Return why the run is no success."""
    wrong = _missing(parts)
    for part in parts:
        if not part.ended_at:
            begun = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(part.begun_at))
            who = part.operator.get("user") or "somebody"
            wrong.append(f"{part.shard} has not ended: it was cut off or still runs (begun {begun} by {who})")
        if part.unwell:
            wrong.append(f"{part.shard}: {named(part.unwell)} failed, or could not be reached")
        progress = part.progress
        if progress is not None and progress.stopped:
            wrong.append(f"{part.shard}: {progress.stopped}")
        unasked = [name for name in part.robots if name not in {*part.answers, *part.unreachable, *part.unwell}]
        if progress is None and part.unwell and unasked:  # of a rollout the callback tells who was not reached
            wrong.append(f"{part.shard}: {named(unasked)} gave no answer")
    without = _without(parts)
    if without:
        wrong.append(f"{len(without)} robot{'s are' if len(without) > 1 else ' is'} in none of them: {named(without)}")
    return wrong


def _without(parts: Sequence[Result]) -> list[str]:
    """Return the robots that are in no part."""
    had = {name for part in parts for name in part.reached}
    return [name for name in parts[0].fleet if name not in had]


def _missing(parts: Sequence[Result]) -> list[str]:
    """Return which parts there should be, and are not."""
    there = {part.shard for part in parts}
    wanted = [CANARIES] if parts[0].playbook == ROLLOUT else []
    divisor = max((shard.of for part in parts if (shard := _shard(part))), default=0)
    wanted += [Shard(number, divisor).name for number in range(1, divisor + 1)]
    return [f"{name} is missing: nothing is known of it" for name in wanted if name not in there]
