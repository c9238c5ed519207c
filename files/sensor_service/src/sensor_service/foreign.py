"""Lets what others wrote onto our page, as far as it leaves the page valid: our own series win, in both formats.

OpenMetrics gives a family every name that its type's suffixes make: a counter `x_total` has `x` and `x_created`, too.
A counter of a file whose names meet others becomes a series without a type there; a series that meets ours is left out,
and its file is told.
"""

from __future__ import annotations

from .metric import COUNTER, GAUGE, UNKNOWN, foreign

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from .metric import Metric
    from .output import Family, Part


def admit(
    parts: Iterable[Part], ours: dict[str, Family], reserved: Iterable[Metric], missing: Container[str] = ()
) -> dict[str, Family]:
    """Returns the families of all files that may stand beside ours; what may not is added to its file's faults.

    `reserved` are metrics of ours that take nobody else's series, `missing` series of ours that just have no value.
    """
    kept = {metric.name for metric in reserved}
    taken: set[str] = set()
    for metric in (*reserved, *[family.metric for family in ours.values()]):
        taken.update(metric.names)
    found: dict[str, Family] = {}
    for part in parts:
        for name, family in part.families.items():
            own = ours.get(name)
            if own and name not in kept and own.metric.open_kind in (GAUGE, UNKNOWN, COUNTER):
                family.metric = own.metric
                _drop(family, own, part)
            elif name in taken:
                part.add_fault(f"{name}: belongs to the sensor service")
                continue
            for series in [series for series in family.samples if series in missing]:
                _leave_out(series, family, part)
            _join(found, name, family, part)
    _settle(found, taken, ours)
    return found


def _drop(family: Family, own: Family, part: Part) -> None:
    """Leaves out a file's series that we tell ourselves, and those that cannot stand beside ours."""
    for series, value in list(family.samples.items()):
        if series in own.samples:
            _leave_out(series, family, part)
        elif own.metric.kind == COUNTER and not _counts(value):
            _leave_out(series, family, part, "no value of a counter")


def _leave_out(series: str, family: Family, part: Part, reason: str = "the sensor service tells it itself") -> None:
    part.add_fault(f"{series}: {reason}")
    del family.samples[series]


def _join(found: dict[str, Family], name: str, family: Family, part: Part) -> None:
    """Adds a file's family to those of the files before it."""
    first = found.setdefault(name, family)
    if first is family:
        return
    for series, value in family.samples.items():
        if series in first.samples:
            part.add_fault(f"{series}: told by another file, which counts")
        else:
            first.samples[series] = value


def _settle(found: dict[str, Family], taken: set[str], ours: dict[str, Family]) -> None:
    """Takes the type away, in OpenMetrics, from counters that the format has no room for."""
    seen = taken | set(found)
    for name, family in found.items():
        metric = family.metric
        if name in ours or metric.open_kind != COUNTER:
            continue
        further = {*metric.names} - {name}
        if further & seen or not all(map(_counts, family.samples.values())):
            family.metric = foreign(name, metric.kind, metric.help, plain=True)
        else:
            seen |= further


def _counts(value: str) -> bool:
    """Returns whether a value may be a counter's: neither negative nor NaN."""
    return value != "NaN" and not value.startswith("-")
