"""What a service answered, as data: of whatever types, it raises nothing. Whoever answers may have been taken over."""

from __future__ import annotations

import json
import math
from typing import Any


def parsed(body: str) -> Any:
    """Return the JSON that ``body`` is; None where it is none, or nested too deeply."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def part(raw: Any, *keys: str) -> Any:
    """Return what is below ``keys`` in objects inside of each other; None where that is not there."""
    for key in keys:
        raw = raw.get(key) if isinstance(raw, dict) else None
    return raw


def entries(raw: Any) -> list[Any]:
    """Return a list; an empty one where it is none."""
    return raw if isinstance(raw, list) else []


def number(raw: Any) -> float | None:
    """Return a number, or what is one as text; None where it is not, or not finite."""
    if isinstance(raw, bool) or not isinstance(raw, (int, float, str)):
        return None
    try:
        value = float(raw)
    except (ValueError, OverflowError):
        return None
    return value if math.isfinite(value) else None


def sample(raw: Any) -> tuple[float | None, float | None]:
    """Return moment and value of a pair such as [1700000000, "1.5"]."""
    return (number(raw[0]), number(raw[1])) if isinstance(raw, list) and len(raw) >= 2 else (None, None)
