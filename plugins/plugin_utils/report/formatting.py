"""Figures as texts: the same everywhere in the report."""

from __future__ import annotations

import math
from datetime import datetime, timezone

UNKNOWN = "-"
LATEST = 1 << 35  # seconds of 1970, the year 3058: whatever says more does not know the time, and has no date


def mib(value: float | None) -> str:
    """Return a size with one decimal."""
    return UNKNOWN if value is None else f"{value:,.1f}"


def whole(value: float | None) -> str:
    """Return a count."""
    return UNKNOWN if value is None else f"{value:,.0f}"


def exact(value: float | None) -> str:
    """Return a small figure with two decimals."""
    return UNKNOWN if value is None else f"{value:,.2f}"


def percent(value: float | None) -> str:
    """Return a share, signs shown by the caller."""
    return UNKNOWN if value is None else f"{value:,.0f} %"


def percent_of_reads(value: float | None) -> str:
    """Return the share of reads that succeeded: 100 only where all did."""
    if value is None or value >= 100 or value < 99:
        return percent(value)
    return f"{math.floor(value * 100) / 100:.2f} %"


def moment(value: int | None) -> str:
    """Return seconds of 1970 as a date and time, UTC."""
    if value is None or not 0 <= value < LATEST:
        return UNKNOWN
    return datetime.fromtimestamp(value, timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")


def duration(seconds: float) -> str:
    """Return a length of time as people say it."""
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f}".removesuffix(".0") + f" {unit}"
    return f"{seconds:.0f} s"
