"""Asks a service that speaks Prometheus' query API, bounded, and notes what it did not answer.

Format: https://prometheus.io/docs/prometheus/latest/querying/api/
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Callable
from urllib.parse import urlencode

MOST_SERIES = 40
MOST_LABEL_LENGTH = 80
MOST_FAULT_LENGTH = 200
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
    """Asks one service; a question without an answer has no series, and a line in ``faults`` that says why."""

    url: str
    ask: Ask
    faults: list[str] = field(default_factory=list)

    def instant(self, what: str, query: str, at: int) -> list[tuple[Labels, float]]:
        """Return labels and value of each series at one moment; values that are no finite number are left out."""
        found = []
        for series in self._series(what, "query", {"query": _limited(query), "time": at, **FRESH}):
            value = number((series.get("value") or [None, None])[1])
            if value is not None:
                found.append((labels_of(series), value))
        return found

    def range(self, what: str, query: str, grid: Grid) -> list[tuple[Labels, Values]]:
        """Return labels and values, one for each moment of the grid (None: no sample), of each series."""
        asked = {"query": _limited(query), "start": grid.start, "end": grid.end, "step": grid.step, **FRESH}
        found: list[tuple[Labels, Values]] = []
        for series in self._series(what, "query_range", asked):
            values: Values = [None] * grid.count
            for moment, text in series.get("values") or []:
                position = round((float(moment) - grid.start) / grid.step)
                if 0 <= position < grid.count:
                    values[position] = number(text)
            found.append((labels_of(series), values))
        return found

    def _series(self, what: str, path: str, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
        status, body = self.ask(f"{self.url}/api/v1/{path}?{urlencode(asked)}")
        try:
            if status == 200:
                return [series for series in json.loads(body)["data"]["result"] if isinstance(series, dict)][
                    :MOST_SERIES
                ]
            why = f"HTTP {status}: {body}" if status else body
        except (ValueError, KeyError, TypeError) as error:
            why = f"this is no answer of the query API ({type(error).__name__})"
        self.faults.append(f"{what}: {why}"[:MOST_FAULT_LENGTH])
        return []


def _limited(query: str) -> str:
    """Let the service itself leave out what would be cut off here."""
    return f"limitk({MOST_SERIES}, {query})"


def labels_of(series: Mapping[str, Any]) -> Labels:
    """Return a series' labels, each cut to a bearable length."""
    raw = series.get("metric") or {}
    return {str(key)[:MOST_LABEL_LENGTH]: str(value)[:MOST_LABEL_LENGTH] for key, value in raw.items()}


def number(text: Any) -> float | None:
    """Return a sample's value; None where it is not a finite number."""
    try:
        value = float(text)
    except (TypeError, ValueError):
        return None
    return value if math.isfinite(value) else None
