"""The measurement, typed. What has the wrong type is unknown (None): a robot's word is never trusted to be a number.

Sizes in MiB, durations in ms, moments in seconds of 1970.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

UNMEASURED = ("unreachable", "unmeasured")
PASSING = ("ok", "tight", "stopped")  # a service may be kept stopped, as declared
FAILING = ("thrashing", "killed", "over budget", "unlimited", "down", *UNMEASURED)


@dataclass(frozen=True)
class Component:
    """A service, or the engine: what it may use, uses, and used at most."""

    name: str
    verdict: str = ""
    reasons: list[str] = field(default_factory=list)
    status: str = ""
    image: str = ""
    declared: float | None = None
    limit: float | None = None  # in the kernel; the engine's allowance
    swap: float | None = None
    believed: float | None = None
    used: float | None = None
    peak: float | None = None
    held: float | None = None
    pss: float | None = None
    kills: float | None = None
    restarts: float | None = None
    hangs: float | None = None
    faults_per_minute: float | None = None
    cgroup: str = ""
    image_size: float | None = None
    data_size: float | None = None

    @property
    def most(self) -> float | None:
        """The highest use known."""
        return self.peak if self.peak is not None else self.used

    @property
    def headroom(self) -> float | None:
        """What is left of the limit above the highest use."""
        return None if self.limit is None or self.most is None else round(self.limit - self.most, 1)

    @property
    def share(self) -> float | None:
        """The highest use as a percentage of the limit."""
        return None if not self.limit or self.most is None else round(100 * self.most / self.limit, 1)


@dataclass(frozen=True)
class Line:
    """One series of the history: a value for each moment, None where there was no sample."""

    name: str
    unit: str
    values: list[float | None]
    limits: list[float | None] = field(default_factory=list)


@dataclass(frozen=True)
class History:
    """What the robot's own database said."""

    measured_at: int | None = None
    step: int | None = None
    moments: list[int] = field(default_factory=list)
    lines: dict[str, Line] = field(default_factory=dict)
    sensors: list[Line] = field(default_factory=list)
    scrapes: Mapping[str, float | None] = field(default_factory=dict)
    buckets: list[tuple[float | None, float]] = field(default_factory=list)
    collectors: list[tuple[str, float | None, float | None]] = field(default_factory=list)
    storage: Mapping[str, float | None] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    @property
    def hours(self) -> float:
        """How long the history is."""
        return len(self.moments) * (self.step or 0) / 3600


@dataclass(frozen=True)
class Robot:
    """One robot; without figures where it was not reached or answered with nothing but a message."""

    name: str
    state: str
    failed: bool
    message: str
    verdict: str
    drift: list[str]
    refusals: list[str]
    facts: Mapping[str, Any]
    services: list[Component]
    engine: Component
    ceiling: Component
    engine_below_ceiling: bool
    budget: float | None
    unassigned: float | None
    history: History

    @property
    def measured(self) -> bool:
        """Whether there are figures."""
        return self.state == "measured"

    @property
    def outcome(self) -> str:
        """The verdict; `differs` where only the comparison with the declaration failed."""
        return "differs" if self.failed and self.measured and self.verdict not in FAILING else self.verdict

    @property
    def components(self) -> list[Component]:
        """Services first, then the engine."""
        return [*self.services, self.engine]

    @property
    def total(self) -> float | None:
        """What services and engine use together."""
        parts = [component.used for component in self.components if component.used is not None]
        return round(sum(parts), 1) if self.measured and parts else None

    @property
    def headroom(self) -> float | None:
        """What is left of the budget."""
        return None if self.budget is None or self.total is None else round(self.budget - self.total, 1)
