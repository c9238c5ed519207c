"""What became of the robots so far, and whether the rollout goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

UNCHANGED, PASSED, FAILED, SILENT = "unchanged", "passed", "failed", "silent"
WELL = (UNCHANGED, PASSED)


@dataclass(frozen=True)
class Progress:
    """A rollout between two waves.

    `sizes` are the robots of each wave; `answers` what became of those that had their turn, in that order. A wave of
    canaries is filled up one by one where some of them are silent. `stopped` says why it does not go on. Where several
    processes divide a rollout (`shards`), one has `only_canaries`, and the others begin with wave 2.
    """

    hosts: tuple[str, ...] = ()
    sizes: tuple[int, ...] = (1,)
    max_failures: int = 0
    soak_seconds: int = 0
    check: bool = False  # nothing changes: every robot is asked, at once
    wave: int = 1
    answers: Mapping[str, str] = field(default_factory=dict)
    stopped: str = ""
    only_canaries: bool = False
    failed: tuple[str, ...] = ()  # in this wave so far; earlier versions told none

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Progress:
        """Return the progress that ``raw`` (see `told`) tells."""
        lists = {name: tuple(raw.get(name) or ()) for name in ("hosts", "sizes", "failed")}
        return cls(**{**raw, **lists})

    def told(self) -> dict[str, Any]:
        """Return it as plain data, with what the playbook needs of it."""
        return {**asdict(self), "hosts": list(self.hosts), "sizes": list(self.sizes), "failed": list(self.failed)}

    def playbook(self) -> dict[str, list[Any]]:
        """Return hosts and batches of the plays that are still to come."""
        left = [name for name in self.hosts if name not in self.answers]
        return {
            "candidates": left if self.wave == 1 else [],
            "first": [self.sizes[0], 1],
            "left": [] if self.stopped or self.only_canaries else left,
            "rest": list(self.sizes[1:] or self.sizes),
            "unwell": [name for name, word in self.answers.items() if word not in WELL],
        }

    @property
    def canaries_passed(self) -> bool:
        """Whether as many canaries as the first wave needs did well."""
        return self.wave > 1 and not self.stopped

    @property
    def batch(self) -> list[str]:
        """The robots whose turn it is."""
        first = len(self.answers)
        return list(self.hosts[first : first + self._batch_size])

    @property
    def _batch_size(self) -> int:
        if self.wave == 1:
            return 1 if self.answers else self.sizes[0]
        return self.sizes[min(self.wave, len(self.sizes)) - 1]

    @property
    def canaries_missing(self) -> int:
        """How many canaries must still do well."""
        if self.wave > 1:
            return 0
        return self.sizes[0] - sum(word in WELL for word in self.answers.values())

    def after(self, words: Mapping[str, str], failed: Sequence[str]) -> Progress:
        """Return the progress after a batch; ``words`` is what became of its robots, ``failed`` who counts."""
        now = replace(
            self,
            answers={**self.answers, **{name: words[name] for name in self.batch}},
            failed=(*self.failed, *failed),
        )
        why = "" if self.check else now._why()
        if why:
            return replace(now, stopped=why)
        return now if now.canaries_missing else replace(now, wave=now.wave + 1, failed=())

    def _why(self) -> str:
        """Return why the wave's failures stop the rollout; "": they do not."""
        names = ", ".join(self.failed)
        if len(self.failed) > self.max_failures:
            return f"{names} failed in wave {self.wave}, rollout_max_failures is {self.max_failures}"
        # The batches that fill this wave up are so small that Ansible's own count never sees it fail as a whole.
        if self.wave == 1 and len(self.failed) >= self.sizes[0] == self.canaries_missing:
            return f"{names} failed in wave 1, and no canary did well"
        return ""
