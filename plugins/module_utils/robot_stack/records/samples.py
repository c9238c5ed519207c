"""The last minutes of each service, sampled by the watchdog: /run/robot-stack/samples.json, gone with a reboot."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

DIRECTORY = "/run/robot-stack"
FILE = "samples.json"
# how far back a rate looks, and the least that makes one
WINDOW_SECONDS = 300.0
SHORTEST_SECONDS = 60.0


@dataclass(frozen=True)
class Sample:
    """Major faults of the run of a container that began at ``started_at``, counted at ``time`` (seconds since 1970)."""

    time: float
    started_at: float
    major_faults: int


@dataclass(frozen=True)
class Recent:
    """What is known of one service: its samples, oldest first, and how it answered.

    `answered_at`: when it last answered; `unanswered`: the looks in a row at which it did not.
    """

    samples: tuple[Sample, ...] = ()
    answered_at: float = 0.0
    unanswered: int = 0


@dataclass(frozen=True)
class Samples:
    """Of every service that is looked after."""

    services: Mapping[str, Recent] = field(default_factory=dict)

    def of(self, name: str) -> Recent:
        """Return what is known of ``name``; nothing is known of a new one."""
        return self.services.get(name, Recent())


def with_sample(recent: Recent, sample: Sample) -> Recent:
    """Return ``recent`` with one more sample and without those that no rate looks back to."""
    kept = [old for old in recent.samples if sample.time - WINDOW_SECONDS <= old.time < sample.time]
    return replace(recent, samples=(*kept, sample))


def faults_per_minute(samples: Sequence[Sample], now: Sample) -> float | None:
    """Return the major faults a minute of this run of the container, over the last five minutes.

    None where that would be over less than a minute, and for a clock that was set back.
    """
    same = [s for s in samples if s.started_at == now.started_at and now.time - WINDOW_SECONDS <= s.time <= now.time]
    if not same or now.time - same[0].time < SHORTEST_SECONDS:
        return None
    grown = now.major_faults - same[0].major_faults
    return None if grown < 0 else round(grown * 60.0 / (now.time - same[0].time), 1)


def load(directory: Path) -> Samples:
    """Read the samples; none, or a damaged file, are no samples."""
    try:
        raw: dict[str, Any] = json.loads((directory / FILE).read_text(encoding="utf-8"))
        return Samples(
            {
                name: Recent(tuple(Sample(*one) for one in known["samples"]), known["answered_at"], known["unanswered"])
                for name, known in raw.items()
            }
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Samples()


def text(samples: Samples) -> str:
    """Return the file's content."""
    raw = {
        name: {
            "samples": [[s.time, s.started_at, s.major_faults] for s in recent.samples],
            "answered_at": recent.answered_at,
            "unanswered": recent.unanswered,
        }
        for name, recent in samples.services.items()
    }
    return json.dumps(raw, indent=1, sort_keys=True) + "\n"
