"""A module's answer with the keys and types that its definition has; what is odd is left out, and said.

A robot chooses neither facts nor hosts of the controller: keys that Ansible acts upon do not come through.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Any, TypedDict, Union, get_args, get_origin, get_type_hints, is_typeddict

from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec.result import Result

from . import printable

LONGEST_NAME = 100  # characters: of services and labels, so that a table stays one
LONGEST_MESSAGE, MOST_MESSAGE_LINES = 1 << 16, 400
MOST_LINES = 400  # of a plan, of reasons
BLOCKS = ("before", "after", "certificates")  # texts of several lines
# What Ansible adds: where a module did not run to its end, and what the controller itself has to warn of.
OF_ANSIBLE = ("exception", "warnings", "module_stdout", "module_stderr", "rc")


class Staged(TypedDict):
    """A file that has arrived on a robot before, or a part of it."""

    name: str
    bytes: int
    digest: str


class BackupAnswer(TypedDict, total=False):
    """What the module robot_backup answers."""

    changed: bool
    failed: bool
    msg: str
    directory: str
    within: str
    snapshot: str
    bytes: int
    files: int
    moment: float
    series: int
    targets: int
    staged: list[Staged]


class HubSecretsAnswer(TypedDict, total=False):
    """What the module hub_secrets answers."""

    changed: bool
    failed: bool
    msg: str
    users: list[str]
    more: int
    certificates: str
    database: bool


class AnyAnswer(TypedDict, total=False):
    """What is used of the answers of Ansible's own modules."""

    changed: bool
    failed: bool
    msg: str
    stdout: str
    stderr: str
    rebooted: bool


_ABSENT = object()
KINDS: dict[str, Any] = {"robot_stack": Result, "robot_backup": BackupAnswer, "hub_secrets": HubSecretsAnswer}


def read(name: str, raw: Any) -> dict[str, Any]:
    """Return the answer of module ``name``. One that is odd has failed, and says so; the rest of it is kept."""
    try:
        clean = printable.plain(raw)
    except (printable.ImmenseError, RecursionError) as error:
        return {"failed": True, "changed": False, "msg": f"the robot's answer was not used: {error}"}
    if not isinstance(clean, dict):
        return {"failed": True, "changed": False, "msg": "the robot's answer was not used: it is no mapping"}
    odd: list[str] = []
    found: dict[str, Any] = _row(KINDS.get(name.rpartition(".")[2], AnyAnswer), clean, "", odd)
    found.update({key: clean[key] for key in OF_ANSIBLE if key in clean})
    if odd:
        words = f"the robot's answer is odd, and was used without {', '.join(odd[:10])}"
        before = f"{found['msg']}\n" if found.get("msg") else ""
        found.update(failed=True, msg=f"{before}{words}")
    return found


def misfits(kind: Mapping[str, Any], raw: Mapping[str, Any]) -> list[str]:
    """Return which keys of ``raw`` have another type than ``kind`` names for them, or parts of another type."""
    odd: list[str] = []
    for key, hint in kind.items():
        if key in raw:
            _fitted(hint, raw[key], key, odd)
    return odd


def _row(kind: Any, raw: Mapping[str, Any], place: str, odd: list[str]) -> dict[str, Any]:
    """Return those keys of ``raw`` that a TypedDict has, each with its type."""
    found = {}
    for key, hint in get_type_hints(kind).items():
        if key in raw:
            value = _fitted(hint, raw[key], f"{place}{key}", odd)
            if value is not _ABSENT:
                found[key] = value
    return found


def _fitted(hint: Any, raw: Any, place: str, odd: list[str]) -> Any:
    """Return ``raw`` where it has the type ``hint``, else _ABSENT, with its place in ``odd``."""
    if get_origin(hint) in (Union, types.UnionType):
        return None if raw is None else _fitted(get_args(hint)[0], raw, place, odd)
    if hint is Any or _is_plain(hint, raw):
        return _text(raw, place) if hint is str else raw
    found = _several(hint, raw, place, odd)
    if found is _ABSENT:
        odd.append(printable.line(place, LONGEST_NAME))
    return found


def _is_plain(hint: Any, raw: Any) -> bool:
    """Whether ``raw`` is one of the types without parts, and of this one; True and False are no numbers."""
    if hint is float:
        return isinstance(raw, (int, float)) and not isinstance(raw, bool)
    return hint in (str, bool, int) and isinstance(raw, hint) and (hint is bool or not isinstance(raw, bool))


def _several(hint: Any, raw: Any, place: str, odd: list[str]) -> Any:
    """Return ``raw`` with those of its parts that fit, else _ABSENT."""
    if is_typeddict(hint) and isinstance(raw, dict):
        return _row(hint, raw, f"{place}.", odd)
    if get_origin(hint) is list and isinstance(raw, list):
        return _list(get_args(hint)[0], raw, place, odd)
    if get_origin(hint) is dict and isinstance(raw, dict):
        return _dict(get_args(hint)[1], raw, place, odd)
    return _ABSENT


def _text(raw: str, place: str) -> str:
    last = place.rpartition(".")[2]
    if last == "msg":
        told = printable.block(raw, LONGEST_MESSAGE).split("\n")
        more = len(told) - MOST_MESSAGE_LINES
        return "\n".join([*told[:MOST_MESSAGE_LINES], *([f"... ({more} lines more)"] if more > 0 else [])])
    return printable.block(raw) if last in BLOCKS else printable.line(raw)


def _list(hint: Any, raw: list[Any], place: str, odd: list[str]) -> list[Any]:
    if hint is str and len(raw) > MOST_LINES:
        odd.append(f"{len(raw) - MOST_LINES} lines of {place}")
        raw = raw[:MOST_LINES]
    fitted = (_fitted(hint, value, f"{place}[{index}]", odd) for index, value in enumerate(raw))
    return [value for value in fitted if value is not _ABSENT]


def _dict(hint: Any, raw: dict[str, Any], place: str, odd: list[str]) -> dict[str, Any]:
    if len(raw) > MOST_LINES:
        odd.append(f"{len(raw) - MOST_LINES} entries of {place}")
    found = {}
    for key, value in list(raw.items())[:MOST_LINES]:
        name = printable.line(key, LONGEST_NAME)
        fitted = _fitted(hint, value, f"{place}.{name}", odd)
        if fitted is not _ABSENT:
            found[name] = fitted
    return found
