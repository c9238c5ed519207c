"""Is a single value of the right kind? The rules for types, bounds and forms, in one place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .declaration import Catalogue, Fault, Objection, Option, Robot, Secret, fault, show

# Every number of ours is above zero, except these, where zero says "none" or "not stated".
ZERO_ALLOWED = frozenset(
    {
        "robot_stack_history_hours",
        "robot_stack_memory_reserve_mib",
        "robot_stack_memory_total_mib",
        "rollout_max_failures",
        "rollout_soak_seconds",
        "telemetry_hub_min_free_disk_mib",
        "victoriametrics_min_free_disk_mib",
    }
)

# A name's ending decides the form of its text.
ADDRESS = (r"^(\[[0-9A-Fa-f:]*\]|[A-Za-z0-9.-]*):[0-9]{1,5}$", "an address and a port, such as 127.0.0.1:8428")
DURATION = (r"^[0-9]+(ms|s|m|h)$", "a number and a unit, such as 15s or 5m")
PERIOD = (r"^[0-9]+(h|d|w|y)$", "a number and a unit, such as 30d or 2w")
VERSION = (r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$", "an image's tag, such as v1.148.8")
FORMS: dict[str, tuple[str, str]] = {
    "_listen_address": ADDRESS,
    "_interval": DURATION,
    "_retention": PERIOD,
    "_version": VERSION,
}
PATH = (r"^/[^,=\s]*$", "an absolute path without spaces, commas and equal signs")

KINDS: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "str": (str,),
    "path": (str,),
    "list": (list, tuple),
    "dict": (dict,),
}
WORDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "a text",
    "path": "a path",
    "list": "a list",
    "dict": "a mapping",
}

# What every container's bounds are, whoever wrote the role; other numbers of somebody else's may be what they like.
BOUNDED = ("_memory_limit_mib", "_cpu_limit", "_pids_limit")


def check(robot: Robot, catalogue: Catalogue) -> list[Fault]:
    """Return what is wrong with each of ``robot``'s values on its own."""
    faults = failed(robot, robot.failures) + _locked(robot, catalogue)
    for name, option in catalogue.options.items():
        if name not in robot.values:
            if option.required and option.role in robot.services and name not in robot.failures:
                why = f"role {option.role} needs it, and there is no default"
                faults.append(fault(robot, name, why, f"write {WORDS.get(option.type, 'a value')}", "(nothing)"))
            continue
        value = robot.values[name]
        objection = object_to(option, value)
        if objection:
            hidden = "(secret)" if option.secret and value is not None else None
            faults.append(fault(robot, name, *objection, value=hidden))
    return faults


def failed(robot: Robot, failures: Mapping[str, str]) -> list[Fault]:
    """Return a fault for each variable of ``robot`` that cannot be worked out."""
    return [
        fault(robot, name, f"it cannot be worked out: {why}", "correct the expression", value="(unknown)")
        for name, why in sorted(failures.items())
    ]


def _locked(robot: Robot, catalogue: Catalogue) -> list[Fault]:
    """Return a fault for each secret that this robot needs, and that nobody can read without its vault's password."""
    remedy = "give the password of its vault: --ask-vault-pass, or --vault-password-file FILE (or --vault-id)"
    faults = []
    for name, why in robot.locked.items():
        option = catalogue.options.get(name)
        other = option is not None and option.role in catalogue.services and option.role not in robot.services
        if not other:  # what another service of the fleet needs is nothing to this robot
            faults.append(fault(robot, name, f"it is encrypted, and cannot be decrypted: {why}", remedy, "(secret)"))
    return faults


def object_to(option: Option, value: Any) -> Objection | None:
    """Return why ``value`` cannot be ``option``'s, and what to do; None if it can."""
    if isinstance(value, Secret):
        return None
    if option.type not in KINDS:
        return None  # raw, or another word of Ansible's for a text: somebody else's role must know
    if value is None:
        return "it is empty", f"write {WORDS[option.type]}, or delete the line to get the role's default"
    objection = _kind(option, value)
    if objection is None and option.choices and value not in option.choices:
        choices = ", ".join(str(choice) for choice in option.choices)
        objection = "it is none of the choices", f"write one of: {choices}"
    if objection is None and option.type in ("int", "float") and (option.ours or option.name.endswith(BOUNDED)):
        objection = _bounds(option.name, value)
    if objection is None and option.type in ("str", "path"):
        objection = _form(option, value)
    if objection is None and option.type == "list" and option.elements:
        objection = _elements(option, value)
    return objection


def minimum(name: str) -> int:
    """Return the smallest whole number that ``name`` may have."""
    return 0 if name in ZERO_ALLOWED else 1


def form(option: Option) -> tuple[str, str] | None:
    """Return the pattern that ``option``'s text must match and its description; None: any text."""
    if not option.ours:
        return None
    if option.type == "path" or option.elements == "path":
        return PATH
    return next((rule for ending, rule in FORMS.items() if option.name.endswith(ending)), None)


def _kind(option: Option, value: Any) -> Objection | None:
    name, kind = option.name, option.type
    is_bool_for_number = isinstance(value, bool) and kind != "bool"
    if isinstance(value, KINDS[kind]) and not is_bool_for_number:
        return None
    why = f"it is {_called(value)}, not {WORDS[kind]}"
    if kind in ("int", "float"):
        return why, _number_remedy(name, kind, value)
    if kind == "bool":
        return why, f"write {name}: true or {name}: false, without quotes"
    if kind in ("str", "path") and isinstance(value, (int, float)):
        return why, "write it in quotes" if option.secret else f'write it in quotes: {name}: "{value}"'
    return why, f"write {WORDS[kind]}"


def _called(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    for kind in ("str", "int", "float", "list", "dict"):
        if isinstance(value, KINDS[kind]):
            return "a text in quotes" if kind == "str" else WORDS[kind]
    return type(value).__name__


def _number_remedy(name: str, kind: str, value: Any) -> str:
    digits = re.match(r"^\s*([0-9]+)(\.[0-9]+)?", str(value))
    unit = " of MiB" if name.endswith("_mib") else ""
    remedy = f"write {WORDS[kind]}{unit}, without unit and quotes"
    if not digits or isinstance(value, bool):
        return remedy
    number = digits.group(0).strip() if kind == "float" else digits.group(1)
    return f"{remedy}: {name}: {number} (on the command line: -e '{{\"{name}\": {number}}}')"


def _bounds(name: str, value: float) -> Objection | None:
    smallest = minimum(name)
    if value < 0:
        return "it is negative", f"write a number of at least {smallest}"
    if value == 0 and smallest > 0:
        return "it is zero", "write a number above zero"
    return None


def _form(option: Option, value: str) -> Objection | None:
    rule = form(option)
    if rule is None or re.match(rule[0], value):
        return None
    return f"it is not {rule[1]}", f"write {rule[1]}"


def _elements(option: Option, values: Any) -> Objection | None:
    member = replace(option, type=option.elements or "str", elements=None, choices=())
    for value in values:
        objection = object_to(member, value)
        if objection:
            shown = "(secret)" if option.secret else show(value)
            return f"of its element {shown}: {objection[0]}", objection[1]
    return None
