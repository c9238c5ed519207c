"""Asks a service that speaks Prometheus' query API, bounded, and notes what it did not answer.

Format: https://prometheus.io/docs/prometheus/latest/querying/api/
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Callable
from urllib.parse import urlencode

from . import answers
from .answers import number

__all__ = ["FRESH", "Ask", "Grid", "Labels", "Reader", "Values", "labels_of", "number"]

MOST_SERIES = 40
MOST_LABELS = 30  # of a series, as VictoriaMetrics has them at most
MOST_LABEL_LENGTH = 80
MOST_FAULT_LENGTH = 200
PATIENCE_SECONDS = 60.0  # for all questions of one reader together
# VictoriaMetrics' own words for: moments as asked for, and the newest samples too. Without them it answers a question
# about the last 30 seconds with what was 30 seconds ago.
FRESH = {"nocache": 1, "latency_offset": "1s"}

Ask = Callable[[str], "tuple[int, str]"]  # URL -> status and body; status 0: nothing answered
Labels = dict[str, str]
Values = list["float | None"]


@dataclass(frozen=True)
class Grid:
    """The moments of an answer: ``count`` of them, ``step`` seconds apart, the last at ``end`` (seconds of 1970)."""

    end: int
    step: int
    count: int

    @property
    def start(self) -> int:
        """The first moment."""
        return self.end - (self.count - 1) * self.step

    @property
    def moments(self) -> list[int]:
        """All moments, in seconds of 1970."""
        return [self.start + position * self.step for position in range(self.count)]

    @property
    def covered(self) -> int:
        """Seconds that the moments stand for, each for the step before it."""
        return self.count * self.step


@dataclass
class Reader:
    """Asks one service; a question without an answer has no series, and a line in ``faults`` that says why.

    One that takes its time with each is asked no more after `PATIENCE_SECONDS`.
    """

    url: str
    ask: Ask
    faults: list[str] = field(default_factory=list)
    clock: Callable[[], float] = time.monotonic
    _until: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        """Begin to count."""
        self._until = self.clock() + PATIENCE_SECONDS

    def instant(self, what: str, query: str, at: int) -> list[tuple[Labels, float]]:
        """Return labels and value of each series at one moment; values that are no finite number are left out."""
        found = []
        for series in self._series(what, "query", {"query": _limited(query), "time": at, **FRESH}):
            _, value = answers.sample(series.get("value"))
            if value is not None:
                found.append((labels_of(series), value))
        return found

    def range(self, what: str, query: str, grid: Grid) -> list[tuple[Labels, Values]]:
        """Return labels and values, one for each moment of the grid (None: no sample), of each series."""
        asked = {"query": _limited(query), "start": grid.start, "end": grid.end, "step": grid.step, **FRESH}
        found: list[tuple[Labels, Values]] = []
        for series in self._series(what, "query_range", asked):
            values: Values = [None] * grid.count
            for moment, value in map(answers.sample, answers.entries(series.get("values"))):
                position = -1 if moment is None else round((moment - grid.start) / grid.step)
                if 0 <= position < grid.count:
                    values[position] = value
            found.append((labels_of(series), values))
        return found

    def _series(self, what: str, path: str, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
        if self.clock() > self._until:
            self.faults.append(
                f"{what}: the answers before took longer than {PATIENCE_SECONDS:.0f} s: not asked"[:MOST_FAULT_LENGTH]
            )
            return []
        status, body = self.ask(f"{self.url}/api/v1/{path}?{urlencode(asked)}")
        result = answers.part(answers.parsed(body), "data", "result") if status == 200 else None
        if isinstance(result, list):
            return [series for series in result[:MOST_SERIES] if isinstance(series, dict)]
        why = "this is no answer of the query API"
        if status != 200:
            why = f"HTTP {status}: {body}" if status else body
        self.faults.append(f"{what}: {why}"[:MOST_FAULT_LENGTH])
        return []


def _limited(query: str) -> str:
    """Let the service itself leave out what would be cut off here."""
    return f"limitk({MOST_SERIES}, {query})"


def labels_of(series: Mapping[str, Any]) -> Labels:
    """Return a series' labels, each cut to a bearable length."""
    raw = series.get("metric")
    found = list(raw.items())[:MOST_LABELS] if isinstance(raw, dict) else []
    return {str(key)[:MOST_LABEL_LENGTH]: str(value)[:MOST_LABEL_LENGTH] for key, value in found}
