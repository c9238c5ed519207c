"""All faults of all robots in one message. Robots with the same faults are told together."""

from __future__ import annotations

from typing import Dict, List, Sequence, Tuple

from .declaration import Fault

MOST_NAMES = 8


def report(faults: Sequence[Fault], checked: int) -> str:
    """Return the message for ``faults``, found among ``checked`` robots."""
    robots = list(dict.fromkeys(fault.robot for fault in faults))
    groups: Dict[Tuple[str, ...], List[Fault]] = {}
    for first, names in _alike(faults).items():
        groups.setdefault(names, []).append(first)
    paragraphs = [f"{_title(names)}\n" + "\n".join(_lines(item) for item in items) for names, items in groups.items()]
    count = f"{len(groups) and len(_alike(faults))} fault{'s' if len(_alike(faults)) != 1 else ''}"
    head = f"The inventory declares what cannot work: {count} on {len(robots)} of {checked} robots."
    return "\n\n".join([f"{head} No robot was contacted.", *paragraphs])


def _alike(faults: Sequence[Fault]) -> Dict[Fault, Tuple[str, ...]]:
    """Return each different fault, and the robots that have it."""
    seen: Dict[Tuple[str, ...], List[Fault]] = {}
    for fault in faults:
        key = (fault.variable, fault.value, fault.why, fault.remedy, fault.origin)
        seen.setdefault(key, []).append(fault)
    return {same[0]: tuple(fault.robot for fault in same) for same in seen.values()}


def _title(names: Tuple[str, ...]) -> str:
    if len(names) <= MOST_NAMES:
        return ", ".join(names)
    return f"{', '.join(names[:MOST_NAMES])} and {len(names) - MOST_NAMES} more"


def _lines(fault: Fault) -> str:
    origin = f"   ({fault.origin})" if fault.origin else ""
    return "\n".join(
        [f"  {fault.variable}: {fault.value}{origin}", f"    why: {fault.why}", f"    do:  {fault.remedy}"]
    )
