"""Durations as people write them, in seconds."""

from __future__ import annotations

import re

SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}


def seconds(duration: str) -> float:
    """Return ``duration`` ("15s", "1h30m", "30d") in seconds; raise `ValueError` where it is none."""
    parts = re.findall(r"([0-9.]+)(ms|[smhdwy])", duration)
    if not parts or "".join(number + unit for number, unit in parts) != duration:
        raise ValueError(f"'{duration}' is not a duration such as 15s or 30d")
    return sum(float(number) * SECONDS[unit] for number, unit in parts)
