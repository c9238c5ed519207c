"""The last minutes of each service, sampled by the watchdog: /run/robot-stack/samples.json, gone with a reboot."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .kept import mapping, read, value

DIRECTORY = "/run/robot-stack"
FILE = "samples.json"
FORMAT = 1
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
    """Read the samples; what cannot be read is gone with the next look, and costs a rate of some minutes."""
    raw = mapping(read(directory / FILE).content)
    # before there was a format, the object held the services themselves
    services = mapping(raw.get("services")) if "format" in raw else raw
    found = {name: _recent(mapping(known)) for name, known in services.items()}
    return Samples({name: recent for name, recent in found.items() if recent})


def _recent(raw: Mapping[str, Any]) -> Recent | None:
    """Return what is known of one service, None where that is damaged."""
    try:
        samples = tuple(Sample(float(at), float(started), int(faults)) for at, started, faults in raw["samples"])
    except (KeyError, TypeError, ValueError):
        return None
    return Recent(samples, value(raw, "answered_at", 0.0), value(raw, "unanswered", 0))


def text(samples: Samples) -> str:
    """Return the file's content."""
    services = {
        name: {
            "samples": [[s.time, s.started_at, s.major_faults] for s in recent.samples],
            "answered_at": recent.answered_at,
            "unanswered": recent.unanswered,
        }
        for name, recent in samples.services.items()
    }
    return json.dumps({"format": FORMAT, "services": services}, indent=1, sort_keys=True) + "\n"
