"""All faults of all robots in one message. Robots with the same faults are told together."""

from __future__ import annotations

from collections.abc import Sequence

from .declaration import Fault

MOST_NAMES = 8


def report(faults: Sequence[Fault], checked: int, machine: str = "robot") -> str:
    """Return the message for ``faults``, found among ``checked`` robots, or what else a ``machine`` is called."""
    robots = {fault.robot for fault in faults}
    alike = _alike(faults)
    groups: dict[tuple[str, ...], list[Fault]] = {}
    for fault, names in alike.items():
        groups.setdefault(names, []).append(fault)
    head = (
        f"The inventory declares what cannot work: {len(alike)} fault{'s' if len(alike) != 1 else ''} "
        f"on {len(robots)} of {checked} {machine}{'s' if checked != 1 else ''}. No {machine} was contacted."
    )
    paragraphs = ["\n".join([_title(names), *map(_lines, group)]) for names, group in groups.items()]
    return "\n\n".join([head, *paragraphs])


def _alike(faults: Sequence[Fault]) -> dict[Fault, tuple[str, ...]]:
    """Return each different fault, and the robots that have it."""
    seen: dict[tuple[str, ...], list[Fault]] = {}
    for fault in faults:
        key = (fault.variable, fault.value, fault.why, fault.remedy, fault.origin)
        seen.setdefault(key, []).append(fault)
    return {same[0]: tuple(fault.robot for fault in same) for same in seen.values()}


def _title(names: tuple[str, ...]) -> str:
    if len(names) <= MOST_NAMES:
        return ", ".join(names)
    return f"{', '.join(names[:MOST_NAMES])} and {len(names) - MOST_NAMES} more"


def _lines(fault: Fault) -> str:
    origin = f"   ({fault.origin})" if fault.origin else ""
    return "\n".join(
        [f"  {fault.variable}: {fault.value}{origin}", f"    why: {fault.why}", f"    do:  {fault.remedy}"]
    )
