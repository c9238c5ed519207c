"""The last minutes of each service, sampled by the watchdog: /run/robot-stack/samples.json, gone with a reboot."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from . import record_file
from .record_file import FORMAT, Fields, Problem

DIRECTORY = "/run/robot-stack"
FILE = "samples.json"
LARGEST_BYTES = 256 * 1024
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

    `answered_at`: when it last answered; `unanswered`: the looks in a row at which it did not; `kernel_kills`: what the
    kernel's count of kills in its slice was.
    """

    samples: tuple[Sample, ...] = ()
    answered_at: float = 0.0
    unanswered: int = 0
    kernel_kills: int = 0


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
    """Return the samples that can be read."""
    return read(directory)[0]


def read(directory: Path) -> tuple[Samples, list[Problem]]:
    """Return the samples that can be read, and what cannot."""
    wrong: list[str] = []
    found = record_file.opened(record_file.read(directory / FILE, LARGEST_BYTES), wrong)
    if found is None:
        return Samples(), record_file.told(f"{DIRECTORY}/{FILE}", wrong)
    if "format" not in found.raw:  # yesterday's: the services alone
        found = Fields({"services": found.raw}, "", wrong)
    services = {name: _recent(values) for name, values in found.objects("services").items()}
    return Samples(services), record_file.told(f"{DIRECTORY}/{FILE}", wrong)


def _recent(values: Fields) -> Recent:
    found = []
    for raw in values.entries("samples"):
        # a later version may know more of each
        whole = isinstance(raw, list) and len(raw) >= 3 and all(map(record_file.is_number, raw[:3]))
        if whole:
            found.append(Sample(raw[0], raw[1], int(raw[2])))
        else:
            values.wrong("samples", "has one that is not three numbers")
    answered = values.number("answered_at"), values.count("unanswered")
    return Recent(tuple(found), *answered, values.count("kernel_kills"))


def text(samples: Samples) -> str:
    """Return the file's content."""
    services = {
        name: {
            "samples": [[s.time, s.started_at, s.major_faults] for s in recent.samples],
            "answered_at": recent.answered_at,
            "unanswered": recent.unanswered,
            **({"kernel_kills": recent.kernel_kills} if recent.kernel_kills else {}),
        }
        for name, recent in samples.services.items()
    }
    return json.dumps({"format": FORMAT, "services": services}, indent=1, sort_keys=True) + "\n"
