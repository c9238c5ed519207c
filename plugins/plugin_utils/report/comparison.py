"""What changed since an earlier report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeGuard

from .fleet import Robot
from .formatting import UNKNOWN, mib, whole
from .tables import Column, Row, Table, known_sum

Figures = Callable[[Robot], Sequence["float | None"]]


def of(before: list[Robot], now: list[Robot]) -> Table:
    """Return what changed since an earlier report, summed over the robots that both have measured."""
    columns = [
        Column("part", "Component", "word"),
        Column("robots", "Robots"),
        Column("before", "Before (MiB)"),
        Column("after", "After (MiB)"),
        Column("change", "Change"),
    ]
    old = {robot.name: robot for robot in before if robot.measured}
    pairs = [(old[robot.name], robot) for robot in now if robot.measured and robot.name in old]
    names = sorted({part.name for pair in pairs for robot in pair for part in robot.services})
    rows = [_row(name, pairs, _use_of(name)) for name in [*names, "engine"]]
    rows += [
        _row("images on disk", pairs, lambda robot: [part.image_size for part in robot.services]),
        _row("total memory", pairs, lambda robot: [part.used for part in robot.components]),
    ]
    return Table("Use before and after, robots that both reports measured", columns, rows if pairs else [])


def _use_of(name: str) -> Figures:
    return lambda robot: [part.used for part in robot.components if part.name == name]


def _row(name: str, pairs: list[tuple[Robot, Robot]], figures: Figures) -> Row:
    """Return the sums over the robots of which both reports know every one of the figures.

    Where there is none, what either of them knows, and no change: a service that was down has not grown since.
    """
    found = [(figures(before), figures(after)) for before, after in pairs]
    known = [(sum(before), sum(after)) for before, after in found if _whole(before) and _whole(after)]
    if known:
        return _changed(name, len(known), sum(before for before, _ in known), sum(after for _, after in known))
    before, after = (known_sum(value for pair in found for value in pair[side]) for side in (0, 1))
    cells = [whole(sum(1 for pair in found if any(pair))), mib(before), mib(after)]
    return Row("", name, [name, *cells, UNKNOWN])


def _whole(figures: Sequence[float | None]) -> TypeGuard[Sequence[float]]:
    return bool(figures) and None not in figures


def _changed(name: str, count: int, before: float, after: float) -> Row:
    if not round(before, 1):  # what is shown as 0.0 has no share
        return Row("", name, [name, whole(count), mib(before), mib(after), UNKNOWN])
    grown = round(100 * (after - before) / before)
    change = f"{grown:+d} %" if grown else "0 %"
    return Row("", name, [name, whole(count), mib(before), mib(after), change])
