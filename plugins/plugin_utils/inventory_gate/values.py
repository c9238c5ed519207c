"""Is a single value of the right kind? The rules for types, bounds and forms, in one place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from . import bounds, forms
from .declaration import Catalogue, Fault, Objection, Option, Robot, Secret, fault, show

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
        return None if value.text is None else forms.opened(option, value.text)
    if option.type not in KINDS:
        return None  # raw, or another word of Ansible's for a text: somebody else's role must know
    if value is None:
        return "it is empty", f"write {WORDS[option.type]}, or delete the line to get the role's default"
    objection = _kind(option, value)
    if objection is None and option.type != "list" and option.choices and value not in option.choices:
        choices = ", ".join(str(choice) for choice in option.choices)
        objection = "it is none of the choices", f"write one of: {choices}"
    if objection is None and option.type in ("int", "float") and (option.ours or option.name.endswith(BOUNDED)):
        objection = bounds.number(option.name, value, option.ours)
    if objection is None and option.type in ("str", "path"):
        objection = forms.object_to(option, value)
    if objection is None and option.type == "list" and option.elements:
        objection = _elements(option, value)
    return objection


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
    """A remedy names a number only where it is the one that was written: what would lose something is not guessed."""
    unit = " of MiB" if name.endswith("_mib") else ""
    remedy = f"write {WORDS[kind]}{unit}, without unit and quotes"
    meant = re.fullmatch(r"\s*([1-9][0-9]*)\s*(MiB)?\s*" if unit else r"\s*([1-9][0-9]*)\s*", str(value))
    if not meant or isinstance(value, bool):
        return remedy
    number = meant.group(1)
    return f"{remedy}: {name}: {number} (on the command line: -e '{{\"{name}\": {number}}}')"


def _elements(option: Option, values: Any) -> Objection | None:
    member = replace(option, type=option.elements or "str", elements=None)
    for value in values:
        objection = object_to(member, value)
        if objection:
            shown = "(secret)" if option.secret else show(value)
            return f"of its element {shown}: {objection[0]}", objection[1]
    return None
