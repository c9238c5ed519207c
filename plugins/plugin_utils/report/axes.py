"""Axes and lines: round values, moments, and SVG paths. Pure arithmetic."""

from __future__ import annotations

import math
from datetime import datetime, timezone

TIME_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800)


def path(points: list[tuple[float, float | None]]) -> str:
    """Return an SVG path through the points; a missing one is a gap, a lonely one a dot."""
    words, drawing = [], False
    for position, (x, y) in enumerate(points):
        if y is None:
            drawing = False
            continue
        words.append(f"{'L' if drawing else 'M'}{x:g} {y:g}")
        following = points[position + 1][1] if position + 1 < len(points) else None
        if not drawing and following is None:
            words.append("h0.1")
        drawing = True
    return "".join(words)


def area(points: list[tuple[float, float | None]], floor: float) -> str:
    """Return SVG paths of what is between the points and ``floor``, gaps left out."""
    words, run = [], list[tuple[float, float]]()
    for x, y in [*points, (0.0, None)]:
        if y is not None:
            run.append((x, y))
        elif run:
            inner = "".join(f"L{px:g} {py:g}" for px, py in run)
            words.append(f"M{run[0][0]:g} {floor:g}{inner}L{run[-1][0]:g} {floor:g}Z")
            run = []
    return "".join(words)


def steps(high: float, about: int, low: float = 0.0) -> list[float]:
    """Return round values between ``low`` and ``high``, about as many as asked for."""
    if high <= low:
        return [low]
    raw = (high - low) / about
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * size for factor in (1, 2, 2.5, 5, 10) if factor * size >= raw)
    first = math.ceil(low / step)
    return [round(step * position, 6) for position in range(first, math.floor(high / step) + 1)]


def clock(start: int, end: int) -> list[tuple[int, str]]:
    """Return round moments (UTC) between two, with labels: times of day, or days where it is long."""
    step = next((size for size in TIME_STEPS if (end - start) / size <= 5), TIME_STEPS[-1] * 4)
    form = "%d %b" if step >= 86400 else "%H:%M" if step >= 60 else "%H:%M:%S"
    first = math.ceil(start / step) * step
    moments = range(first, end + 1, step)
    return [(at, datetime.fromtimestamp(at, timezone.utc).strftime(form)) for at in moments]
