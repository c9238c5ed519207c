"""Further groups of rules: what vmalert refuses of one, with which it reads no rule at all, ours neither.

Fields are those of app/vmalert/config in the version of our role's default; of another version none is called unknown.
Whether an expression can be parsed, only vmalert knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from . import fields, program_flags
from .declaration import Fault, Robot, fault, show, written

VARIABLE = "telemetry_hub_rule_groups_extra"
SERVICE = "telemetry_hub_vmalert"
OURS = ("robots", "telemetry_hub")  # in the file that further groups are written to
TYPES = ("graphite", "prometheus", "vlogs")
GROUP: fields.Fields = {
    **dict.fromkeys(("name", "type", "file", "checksum"), "scalar"),
    **dict.fromkeys(("interval", "eval_offset", "eval_delay"), "duration"),
    **dict.fromkeys(("limit", "concurrency"), "count"),
    **dict.fromkeys(("eval_alignment", "debug"), "truth"),
    **dict.fromkeys(("headers", "notifier_headers"), "headers"),
    **{"rules": "mappings", "labels": "named scalars", "params": "named lists"},
}
RULE: fields.Fields = {
    **dict.fromkeys(("record", "alert", "expr"), "scalar"),
    **dict.fromkeys(("for", "keep_firing_for"), "duration"),
    **dict.fromkeys(("labels", "annotations"), "named scalars"),
    **{"debug": "truth", "update_entries_limit": "number", "id": "count"},
}
NO_RULE = "and vmalert would read no rule at all, ours neither"


def check(robot: Robot) -> list[Fault]:
    """Return what is wrong with the groups of rules that ``robot``'s inventory adds, one fault a group."""
    groups = robot.values.get(VARIABLE)
    if SERVICE not in robot.services or not isinstance(groups, (list, tuple)):
        return []
    known, taken = program_flags.is_known(robot, SERVICE), set(OURS)
    faults = []
    for group in groups:
        if not isinstance(group, Mapping):
            continue  # told by the check of types
        why = next(_name(group, taken), "") or next(_group(group, known), "")
        if why:
            remedy = "write it as vmalert's documentation of groups does"
            faults.append(fault(robot, VARIABLE, f"{why}, {NO_RULE}", remedy, value=show(group.get("name"))))
        taken.add(str(group.get("name")))
    return faults


def _name(group: Mapping[Any, Any], taken: set[str]) -> Iterator[str]:
    name = group.get("name")
    if name is None or name == "":
        yield "a group has no name"
    elif str(name) in taken:
        yield f"there is a group {name} already"


def _group(group: Mapping[Any, Any], known: bool) -> Iterator[str]:
    yield from _fields(GROUP, group, known)
    if group.get("type") is not None and group["type"] not in TYPES:
        yield f"there is no type {show(group['type'])}: {', '.join(TYPES)} are"
    if re.search("[1-9]", str(group.get("eval_offset") or "")) and not group.get("interval"):
        yield "its eval_offset needs an interval"
    if group.get("eval_offset") is not None and group.get("eval_delay") is not None:
        yield "it has both eval_offset and eval_delay"
    seen: list[tuple[Any, ...]] = []
    for rule in (one or {} for one in group.get("rules") or ()):  # an empty line is a rule without anything
        name = rule.get("alert") or rule.get("record") or "without a name"
        yield from (f"of the rule {name}: {why}" for why in _rule(rule, known))
        same = tuple(written(rule.get(part)) for part in ("record", "alert", "expr", "labels"))
        if same in seen:
            yield f"the rule {name} stands in it twice"
        seen.append(same)


def _rule(rule: Mapping[Any, Any], known: bool) -> Iterator[str]:
    yield from _fields(RULE, rule, known)
    if (rule.get("alert") in (None, "")) == (rule.get("record") in (None, "")):
        yield "it has one of alert and record, and not both"
    if rule.get("expr") in (None, ""):
        yield "it has no expr"
    if "__name__" in (rule.get("labels") or {}):
        yield "__name__ is no label that a rule may set"


def _fields(known_fields: fields.Fields, found: Mapping[Any, Any], known: bool) -> Iterator[str]:
    for name in fields.unknown(known_fields, found) if known else ():
        yield f"there is no field {name}"
    yield from fields.check(known_fields, found)
