"""Geometry of the report's figures: from figures in MiB to places in pixels. The templates only draw.

Every figure has a title and a description in words, for people who hear a page and for programs.
"""

from __future__ import annotations

from dataclasses import dataclass

from .axes import area, clock, path, steps
from .fleet import FAILING, Component, Line, Robot
from .formatting import duration, mib, percent, whole

WIDE, NARROW = 1000, 320
LABELS = 170  # room for names, left of bars
SERIES_COLOURS = 6  # further services take the colours from the first on


@dataclass(frozen=True)
class Bar:
    """A rectangle on a row, with the class that colours it, and the words for it."""

    x: float
    width: float
    kind: str
    title: str = ""
    label: str = ""


@dataclass(frozen=True)
class BarRow:
    """A row of bars: its name left, its figures right; ``mark`` is the place of a tick."""

    y: float
    name: str
    bars: list[Bar]
    note: str
    note_x: float
    mark: float | None = None
    bad: bool = False


@dataclass(frozen=True)
class Tick:
    """A mark on an axis."""

    at: float
    label: str


@dataclass(frozen=True)
class Bars:
    """Horizontal bars."""

    id: str
    title: str
    description: str
    height: float
    rows: list[BarRow]
    ticks: list[Tick]
    legend: list[tuple[str, str]]
    kind: str = "bars"
    width: float = WIDE


@dataclass(frozen=True)
class Panel:
    """A series over time: lines as SVG paths, `limit` as a dashed one."""

    id: str
    title: str
    description: str
    line: str
    area: str
    limit: str
    colour: str
    across: list[Tick]
    down: list[Tick]
    last: tuple[float, float] | None
    summary: str
    kind: str = "panel"
    width: float = NARROW
    height: float = 180


@dataclass(frozen=True)
class Columns:
    """A histogram."""

    id: str
    title: str
    description: str
    columns: list[tuple[float, float, float, str, str]]  # x, y, height, label below, label above
    column_width: float
    floor: float
    summary: str
    kind: str = "columns"
    width: float = NARROW
    height: float = 180


def colours(robots: list[Robot]) -> dict[str, str]:
    """Return the class of each component's colour: the same everywhere in the report."""
    names = sorted({part.name for robot in robots for part in robot.services})
    found = {name: f"s{position % SERIES_COLOURS + 1}" for position, name in enumerate(names)}
    return {**found, "engine": "engine", "robotstack": "stack"}


def budgets(robots: list[Robot], colour: dict[str, str]) -> Bars | None:
    """Return each measured robot's budget and what it is spent on, on one scale."""
    known = [robot for robot in robots if robot.measured and (robot.budget or 0) > 0]
    if not known:
        return None
    top = max(max(robot.budget or 0, robot.total or 0) for robot in known)
    room = WIDE - LABELS - 190
    rows = []
    for position, robot in enumerate(known):
        x, bars = (
            float(LABELS),
            [Bar(LABELS, room * (robot.budget or 0) / top, "track", f"budget {mib(robot.budget)} MiB")],
        )
        for part in robot.components:
            width = room * (part.used or 0) / top
            label = mib(part.used) if width > 34 else ""
            bars.append(Bar(x, width, colour[part.name], f"{part.name}: {mib(part.used)} MiB", label))
            x += width
        end = max(x, LABELS + room * (robot.budget or 0) / top)
        note = f"{mib(robot.total)} of {mib(robot.budget)} MiB"
        rows.append(BarRow(14 + 40 * position, robot.name, bars, note, end + 10, None, robot.outcome in FAILING))
    words = "; ".join(f"{r.name} uses {mib(r.total)} of {mib(r.budget)} MiB" for r in known)
    legend = [(colour[name], name) for name in dict.fromkeys(p.name for r in known for p in r.components)]
    ticks = [Tick(LABELS + room * value / top, f"{value:g}") for value in steps(top, 6)]
    title = "Budget of each robot and what it is spent on (MiB)"
    return Bars("budgets", title, words, 40 * len(rows) + 36, rows, ticks, [*legend, ("track", "left of the budget")])


def meters(robot: Robot, colour: dict[str, str], number: int) -> Bars | None:
    """Return how full each limit is: every bar's full length is that component's own limit."""
    parts = [part for part in [*robot.components, robot.ceiling] if part.limit and part.used is not None]
    if not parts:
        return None
    room = WIDE - LABELS - 330
    rows, words = [], []
    for position, part in enumerate(parts):
        rows.append(_meter(part, colour.get(part.name, "stack"), 12 + 34 * position, room))
        words.append(f"{part.name} {_said(part)}")
    ticks = [Tick(LABELS + room * share / 100, f"{share} %") for share in (0, 25, 50, 75, 100)]
    title = f"{robot.name}: how full each limit is"
    return Bars(f"meters-{number}", title, "; ".join(words), 34 * len(rows) + 36, rows, ticks, [])


def _meter(part: Component, colour: str, y: float, room: float) -> BarRow:
    limit = part.limit or 1.0
    filled = min(1.0, (part.used or 0) / limit)
    mark = None if part.peak is None else LABELS + room * min(1.0, part.peak / limit)
    bars = [Bar(LABELS, room, "track", "limit"), Bar(LABELS, room * filled, colour, f"used {mib(part.used)} MiB")]
    return BarRow(y, part.name, bars, _said(part), LABELS + room + 14, mark, part.verdict in FAILING)


def _said(part: Component) -> str:
    peak = "" if part.peak is None else f", peak {mib(part.peak)}"
    return f"{mib(part.used)} of {mib(part.limit)} MiB ({percent(100 * (part.used or 0) / (part.limit or 1))}){peak}"


def panels(robot: Robot, colour: dict[str, str], number: int) -> list[Panel]:
    """Return the robot's history: a panel for each component, the whole stack, and some sensors."""
    history, found = robot.history, []
    if len(history.moments) < 2:
        return []
    # an engine outside the ceiling is in no cgroup of ours: the history does not have its memory
    ours = robot.components if robot.engine_below_ceiling else robot.services
    order = [part.name for part in ours] + ["robotstack"]
    whole = "whole stack" if robot.engine_below_ceiling else "whole stack, without the engine"
    for name in [name for name in order if name in history.lines]:
        line = history.lines[name]
        known = [limit for limit in line.limits if limit]
        title = whole if name == "robotstack" else name
        found.append((title, line, colour[name], max(known, default=0.0)))
    found += [(line.name, line, "sensor", 0.0) for line in history.sensors]
    return [
        panel(f"history-{number}-{position}", title, line, history.moments, css, limit)
        for position, (title, line, css, limit) in enumerate(found, 1)
        if any(line.values)
    ]


def panel(identity: str, title: str, line: Line, moments: list[int], colour: str, limit: float) -> Panel:
    """Return one series over time. Memory starts at zero; a sensor's axis fits what it said."""
    known = [value for value in line.values if value is not None]
    low, high = (0.0, max(*known, limit, 0.1) * 1.12) if line.unit == "MiB" else _around(known)
    left, right, top, bottom = 40.0, NARROW - 18.0, 50.0, 156.0
    span = max(1, moments[-1] - moments[0])

    def x(moment: float) -> float:
        return round(left + (right - left) * (moment - moments[0]) / span, 1)

    def y(value: float) -> float:
        return round(bottom - (bottom - top) * (min(max(value, low), high) - low) / (high - low), 1)

    points = [(x(at), None if value is None else y(value)) for at, value in zip(moments, line.values)]
    limits = [(x(at), y(value) if value else None) for at, value in zip(moments, line.limits)]
    last = next(((px, py) for px, py in reversed(points) if py is not None), None)
    shown = f"{mib(known[-1])} {line.unit}, highest {mib(max(known))}" + (f", limit {mib(limit)}" if limit else "")
    return Panel(
        id=identity,
        title=title,
        description=f"{title}, {duration(span)}: last {shown}, lowest {mib(min(known))}",
        line=path(points),
        area=area(points, bottom) if line.unit == "MiB" else "",
        limit=path(limits),
        colour=colour,
        across=[Tick(x(at), label) for at, label in clock(moments[0], moments[-1])],
        down=[Tick(y(value), f"{value:g}") for value in steps(high, 4, low)],
        last=last,
        summary=shown,
    )


def _around(values: list[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    margin = max((high - low) * 0.15, 0.5)
    return low - margin, high + margin


def scrapes(robot: Robot, number: int) -> Columns | None:
    """Return how many scrapes took how long, from the first to the last bucket that counted any."""
    buckets = robot.history.buckets
    counted = [position for position, (_, count) in enumerate(buckets) if count > 0]
    if not counted:
        return None
    shown = list(enumerate(buckets))[max(0, counted[0] - 1) : counted[-1] + 2]
    most = max(count for _, (_, count) in shown)
    top, floor, room = 58.0, 150.0, (NARROW - 20.0) / len(shown)
    columns = []
    for place, (position, (bound, count)) in enumerate(shown):
        before = buckets[position - 1][0] if position else None
        label = f"{bound:g}" if bound is not None else f"> {before or 0:g}"
        height = 0.0 if count <= 0 else max(1.5, (floor - top) * count / most)
        columns.append((round(10 + place * room, 1), round(floor - height, 1), round(height, 1), label, whole(count)))
    took = robot.history.scrapes
    median, slowest = mib(took.get("median_ms")), mib(took.get("p99_ms"))
    summary = f"{whole(took.get('count'))} scrapes, median {median} ms"
    counted_in = ", ".join(f"{label} ms: {count}" for _, _, _, label, count in columns)
    words = f"{summary}, 99 % within {slowest} ms. Up to {counted_in}"
    return Columns(f"scrapes-{number}", robot.name, words, columns, round(min(60.0, room - 4), 1), floor, summary)
