"""Turns what the robots answered into plain data: the report's only source, kept beside it as JSON.

Robots are not trusted here: only known keys are kept, texts are one line, lose what cannot be printed and are cut, and
depth and length of what they send are bounded.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records.record_file import too_new

from ..answers import printable

FORMAT = 1
LARGEST_BYTES = 512 << 20  # of the data of an earlier report: 4000 robots with the longest history that there is
LONGEST_TEXT = 500
MOST_ENTRIES = 2000
DEEPEST = 8
LARGEST = 1e15
KEPT = ("plan", "refusals", "services", "engine_usage", "budget", "robot", "verdict", "disk", "history")


def of_fleet(fleet: str, robots: Mapping[str, Any], versions: Mapping[str, str]) -> dict[str, Any]:
    """Return the measurement of a fleet: ``robots`` are the module's results by name, None where there is none."""
    return {
        "format": FORMAT,
        "fleet": clean(fleet),
        "versions": clean(dict(versions)),
        "robots": {clean(name): of_robot(robots[name]) for name in sorted(robots)},
    }


def of_robot(result: Any) -> dict[str, Any]:
    """Return what one robot answered; `state` is `measured`, `unreachable` or `unmeasured`."""
    if not isinstance(result, Mapping) or result.get("skipped"):  # by the run's tags
        return {"state": "unmeasured", "failed": True, "message": "it was not asked"}
    message = clean(str(result.get("msg") or ""))
    if result.get("unreachable"):
        return {"state": "unreachable", "failed": True, "message": message}
    found = {key: clean(result[key]) for key in KEPT if result.get(key) is not None}
    state = "measured" if "budget" in found else "unmeasured"
    return {"state": state, "failed": bool(result.get("failed")), "message": message, **found}


def known(raw: Any) -> bool:
    """Whether this is the data of a report, of this version or of a later one, which may have more in it."""
    whole = isinstance(raw, dict) and type(raw.get("format")) is int and isinstance(raw.get("robots"), dict)
    return whole and not too_new(raw, FORMAT)


def clean(raw: Any, depth: int = DEEPEST) -> Any:
    """Return ``raw`` as plain, bounded JSON data."""
    if raw is None or isinstance(raw, (bool, int, float)):
        return raw if raw is not None and abs(raw) <= LARGEST else None  # not a number is not below it either
    if isinstance(raw, str):
        return printable.line(" ".join(raw.split()), LONGEST_TEXT)
    if depth == 0:
        return None
    if isinstance(raw, Mapping):
        pairs = list(raw.items())[:MOST_ENTRIES]
        return {clean(str(key)): clean(value, depth - 1) for key, value in pairs}
    if isinstance(raw, (list, tuple)):
        return [clean(value, depth - 1) for value in raw[:MOST_ENTRIES]]
    return clean(str(raw))
