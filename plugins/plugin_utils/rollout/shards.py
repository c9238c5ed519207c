"""Which robots a process has where several divide a run, each of them from the inventory alone.

A rollout begins with its canaries, in a process of their own. Every other wave is dealt to the shards, so that each has
its part of each wave: nobody has canaries of its own. What has no waves is dealt as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from .progress import UNCHANGED, Progress

CANARIES = "canaries"
FORM = re.compile(r"([1-9][0-9]{0,3})/([1-9][0-9]{0,3})")
RUN_FORM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")  # it is the name of a folder
VARIABLE, RUN = "rollout_shard", "rollout_run"
NOBODY = "No robot was contacted."


class ShardError(ValueError):
    """A run cannot be divided like this; the message names the variable, its value, and what to do."""


@dataclass(frozen=True)
class Shard:
    """The part `number` of `of`, counted from 1; 0 of 0: the canaries."""

    number: int = 0
    of: int = 0

    @property
    def name(self) -> str:
        """As it is written: ``2/3``, or ``canaries``."""
        return f"{self.number}/{self.of}" if self.of else CANARIES

    @property
    def file(self) -> str:
        """The name of its file of results."""
        return f"{self.number}-of-{self.of}.json" if self.of else f"{CANARIES}.json"


def parse(raw: object) -> Shard | None:
    """Return the shard that ``raw`` names; None: the run is not divided. Raises `ShardError`."""
    text = str(raw or "").strip()
    if not text:
        return None
    if text == CANARIES:
        return Shard()
    found = FORM.fullmatch(text)
    if found is None or int(found[1]) > int(found[2]):
        raise ShardError(
            f'{VARIABLE}: "{text}" is no part of a run: write {CANARIES} for the process of the canaries, and 1/3, '
            f"2/3, 3/3 for three processes that divide the others. {NOBODY}"
        )
    return Shard(int(found[1]), int(found[2]))


def run_name(raw: object, workflow: object = "") -> str:
    """Return the name that all processes of a run share; ``workflow`` is AWX's own for it. Raises `ShardError`."""
    text = str(raw or "").strip() or (f"workflow-{workflow}" if workflow else "")
    if not text:
        raise ShardError(
            f"{RUN} is missing: give all processes of this run one name, a new one for each run, such as "
            f"-e {RUN}=$(date +%Y%m%dT%H%M%S). {NOBODY}"
        )
    if RUN_FORM.fullmatch(text) is None:
        raise ShardError(
            f'{RUN}: "{text}" cannot be the name of a folder: write up to 64 letters, digits, points, hyphens and '
            f"underscores, the first one a letter or a digit. {NOBODY}"
        )
    return text


def dealt(waves: Iterable[Sequence[str]], shard: Shard) -> list[list[str]]:
    """Return the part of ``shard`` in each of ``waves``; of one wave, and of all, shards differ by one robot at most.

    Within a wave the order of the inventory does not matter.
    """
    found, before = [], 0
    for wave in waves:
        found.append([name for place, name in enumerate(sorted(wave), before) if place % shard.of == shard.number - 1])
        before += len(wave)
    return found


def whole(names: Iterable[str], shard: Shard) -> list[str]:
    """Return the part of ``shard`` in a run that has no waves."""
    return dealt([list(names)], shard)[0]


def after_canaries(progress: Progress, shard: Shard) -> Progress:
    """Return the rollout of ``shard``, once the canaries of the whole fleet have brought ``progress``.

    Shards do not wait for each other. So every wave has a robot of each at least: otherwise who has none in a small
    wave would begin with the next, larger one, before anybody knows how the small one ends.
    """
    left = [name for name in progress.hosts if name not in progress.answers]
    mine = [part for part in dealt(_waves(left, progress.sizes, shard.of), shard) if part]
    return replace(
        progress,
        hosts=tuple(name for part in mine for name in part),
        sizes=(progress.sizes[0], *map(len, mine)),
        answers={},
        wave=2,
    )


def _waves(left: Sequence[str], sizes: Sequence[int], least: int) -> list[Sequence[str]]:
    """Return the waves after the canaries', each with its robots; the last size is repeated."""
    found, rest = [], list(sizes[1:] or sizes)
    while left:
        size = max(least, rest.pop(0) if len(rest) > 1 else rest[0])
        found.append(left[:size])
        left = left[size:]
    return found


def asked(progress: Progress, shard: Shard) -> Progress:
    """Return what check mode asks: nothing changes, so that the canaries are some robots, and nobody waits for them."""
    first = progress.hosts[: progress.sizes[0]]
    if shard.of:
        hosts = after_canaries(replace(progress, answers=dict.fromkeys(first, UNCHANGED)), shard).hosts
    else:
        hosts = first
    return replace(progress, hosts=tuple(hosts), sizes=(max(1, len(hosts)),), check=True)
