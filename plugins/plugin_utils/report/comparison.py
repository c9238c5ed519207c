"""What changed since an earlier report."""

from __future__ import annotations

from .fleet import Robot
from .formatting import UNKNOWN, mib, whole
from .tables import Column, Row, Table, known_sum


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
    rows = []
    for name in [*names, "engine"]:
        sums = [
            known_sum(part.used for robot in side for part in robot.components if part.name == name)
            for side in _sides(pairs)
        ]
        rows.append(_changed(name, len(pairs), *sums))
    totals = [known_sum(robot.total for robot in side) for side in _sides(pairs)]
    images = [known_sum(part.image_size for robot in side for part in robot.services) for side in _sides(pairs)]
    rows += [_changed("images on disk", len(pairs), *images), _changed("total memory", len(pairs), *totals)]
    return Table("Use before and after, robots that both reports measured", columns, rows if pairs else [])


def _sides(pairs: list[tuple[Robot, Robot]]) -> tuple[list[Robot], list[Robot]]:
    return [before for before, _ in pairs], [after for _, after in pairs]


def _changed(name: str, count: int, before: float | None, after: float | None) -> Row:
    if before is None or after is None or not round(before, 1):  # what is shown as 0.0 has no share
        return Row("", name, [name, whole(count), mib(before), mib(after), UNKNOWN])
    grown = round(100 * (after - before) / before)
    change = f"{grown:+d} %" if grown else "0 %"
    return Row("", name, [name, whole(count), mib(before), mib(after), change])
