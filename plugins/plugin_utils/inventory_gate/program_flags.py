"""Flags that an inventory adds to a program of ours: the program takes them, and they undo nothing that the gate holds.

A flag is held where a variable of ours says the same (the gate checks that variable, and not the flag), or where the
stack counts on it. Of each program all flags are known, in the version of its role's defaults (tools/program_flags.py).
"""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from . import former
from .declaration import Fault, Objection, Robot, Secret, fault, show
from .exposure import is_loopback
from .hub import DATABASE as DATABASE_OF_HUB
from .programs import EVERYWHERE, INSERTS, PROGRAMS, Program

FILE = Path(__file__).with_name("program_flags.json")
NAME = re.compile(r"[A-Za-z][A-Za-z0-9._]*")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
CHOICES: dict[str, tuple[str, ...]] = {
    "loggerLevel": ("INFO", "WARN", "ERROR", "FATAL", "PANIC"),
    "loggerFormat": ("default", "json"),
    "loggerOutput": ("stderr", "stdout"),
}
# What the parser of a flag of each kind takes.
_FLOAT = r"([0-9]+(\.[0-9]*)?|\.[0-9]+)"
_NUMBER = rf"\+?{_FLOAT}([eE][+-]?[0-9]{{1,2}})?"
_PART = r"[0-9]+(\.[0-9]*)?"
KINDS: dict[str, tuple[str, str]] = {
    "bool": (r"(?i:true|false|t|f)|1|0", "true or false"),
    "int": (r"[+-]?[0-9]{1,18}", "a whole number"),
    "uint": (r"[0-9]{1,18}", "a whole number"),
    "float": (r"-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]{1,2})?", "a number"),
    "duration": (rf"[+-]?(({_FLOAT}(ns|us|µs|μs|ms|s|m|h))+|0)", "a duration with its unit, such as 30s or 5m"),
    "size": (rf"{_NUMBER}((?i:[KMGT]i?B))?", "a size in bytes, or with its unit such as 16MiB"),
    # months, or a duration; a small m at its end would be minutes
    "period": (
        rf"({_NUMBER}M?|(?i:({_PART}(ms|[smhdwyi]))*{_PART}(ms|[shdwyi])))?",
        "a duration with its unit, such as 30d, or 6M for months",
    ),
}
LIST = "array of "  # several values with commas between them, of the kind behind it; of no kind: "array"
# Words of a flag's name behind which is something that nobody else may read: a command line is read by everybody.
SECRET = re.compile(r"(password|bearertoken|authkey|clientsecret|secretkey|accesskey)$", re.IGNORECASE)
SECRET_HEADER = re.compile(r"auth|token|key|cookie|secret", re.IGNORECASE)
LOGIN = re.compile(r"://[^/@\s]+@")
LISTENER = re.compile(r"(listenaddr|selectaddr)$", re.IGNORECASE)
UNITS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}
MIB = 1 << 20


def check(robot: Robot) -> list[Fault]:
    """Return what is wrong with the flags that ``robot``'s inventory adds to its programs."""
    return [found for service in robot.services if service in PROGRAMS for found in _of(robot, service)]


def _of(robot: Robot, service: str) -> Iterator[Fault]:
    variable = f"{service}_flags_extra"
    extra = robot.values.get(variable)
    if not isinstance(extra, Mapping):
        return  # told by the check of types, or there is none
    kinds = _kinds(robot, service)
    for name, value in extra.items():
        objection = object_to(PROGRAMS[service], kinds, name, value) or _undone(robot, service, name, value)
        if objection:
            shown = "(secret)" if _hides(str(name), value) else show(value)
            yield fault(robot, variable, objection[0], objection[1], value=f"{{{show(name)}: {shown}}}")


def _kinds(robot: Robot, service: str) -> Mapping[str, str]:
    """Return the known flags of the version that ``robot`` runs; a hub's former database has that of robots'."""
    if service == DATABASE_OF_HUB and former.is_one(robot):
        like = "victoriametrics"
        return known(like) if robot.values.get(former.VERSION) == versions()[like] else {}
    return known(service) if is_known(robot, service) else {}


def _undone(robot: Robot, service: str, name: str, value: Any) -> Objection | None:
    """Return why a flag would undo what a variable of ``robot`` says; saying more, or as much, it may be there."""
    program = PROGRAMS[service]
    written = f"{service}_accepts_writes"
    closed = program.written is not None and robot.values.get("robot_stack_telemetry_mode") not in program.written
    if name.lower() == INSERTS and closed and robot.values.get(written) is not True and str(value) != "0":
        why = f"the flag {name} would let others write samples, and {written} is false"
        return why, f"write {written}: true, or delete the line"
    variable = program.least.get(name.lower(), "")
    least = robot.integer(variable)
    if least is None or (value is not None and _bytes(str(value)) >= least * MIB):
        return None
    why = f"the flag {name} would leave less of the disk free than {variable} {least}, by which the disk is planned"
    return why, f"write {variable} instead"


def _bytes(text: str) -> float:
    """Return a size in bytes; what is none is told by its kind, and here more than any."""
    found = re.fullmatch(rf"(?P<number>{_NUMBER})((?P<unit>[KMGT])(?P<binary>i?)B)?", text, re.IGNORECASE)
    if found is None:
        return math.inf
    return float(found["number"]) * float(1024 if found["binary"] else 1000) ** UNITS[(found["unit"] or "").upper()]


def object_to(program: Program, kinds: Mapping[str, str], name: Any, value: Any) -> Objection | None:
    """Return why a flag may not be added to ``program``, and what to do; ``kinds`` are those of its flags, if known."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        bare = str(name).lstrip("-").partition("=")[0].strip()
        return f"{show(name)} is not the bare name of a flag", f"write {bare}: VALUE, without dashes and equal signs"
    held = _held(program, name.lower())
    if held:
        return held
    if kinds and name not in kinds:
        alike = difflib.get_close_matches(name, kinds, n=1, cutoff=0.6)
        remedy = f"did you mean {alike[0]}?" if alike else "correct the name, or delete the line"
        return f"{program.image} has no flag {name}, and would end at once", remedy
    for one in value if isinstance(value, (list, tuple)) else [value]:
        objection = _value(name, kinds.get(name, ""), one)
        if objection:
            return objection
    if isinstance(value, (list, tuple)) and not kinds.get(name, "array").startswith("array"):
        return f"the flag {name} takes one value, and this is a list", "write one value"
    return None


def _held(program: Program, name: str) -> Objection | None:
    variable = program.variables.get(name)
    if variable:
        return f"the flag {name} would undo what {variable} says, which is checked", f"write {variable} instead"
    for pattern, why in {**EVERYWHERE, **program.held}.items():
        if why and re.fullmatch(pattern, name):
            return f"the flag {name} is held by the stack: {why}", "delete the line"
    return None


def _value(name: str, kind: str, value: Any) -> Objection | None:
    if value is None or isinstance(value, Secret):
        return None
    if isinstance(value, (Mapping, list, tuple)):
        return (
            f"the flag {name} takes no {'mapping' if isinstance(value, Mapping) else 'list of lists'}",
            "write a value",
        )
    text = str(value).lower() if isinstance(value, bool) else str(value)
    why, remedy = _danger(name, text)
    if why:
        return f"the flag {name} {why}", remedy
    wanted = _wanted(name, kind, text)
    return (f"the flag {name} takes {wanted}", f"write {wanted}") if wanted else None


def _danger(name: str, text: str) -> Objection:
    """Return what a flag's value would open or show; both empty: nothing."""
    if CONTROL.search(text):
        return "has a line break or another control character in it", "write one line"
    if LISTENER.search(name) and text and not is_loopback(text):
        return "would open a second listener, without a password", "write an address on 127.0.0.1"
    if SECRET.search(name) and not text.startswith("file:///"):
        return "would show a secret on the command line", "write file:// and the path of a file"
    if _hides(name, text) and not SECRET.search(name):
        remedy = "write it without, or use a flag that reads it from a file"
        return "would show a secret on the command line", remedy
    return "", ""


def _hides(name: str, value: Any) -> bool:
    """Whether a flag's value is a secret, or holds one: nobody is shown it."""
    header = re.search("headers?$", name.lower())
    texts = [str(one) for one in (value if isinstance(value, (list, tuple)) else [value])]
    told = any(LOGIN.search(text) or (header and SECRET_HEADER.search(text)) for text in texts)
    return bool(SECRET.search(name)) or isinstance(value, Secret) or told


def _wanted(name: str, kind: str, text: str) -> str:
    """Return what a flag of this kind takes where that is not ``text``; "": it takes it."""
    if text not in CHOICES.get(name, (text,)):
        return f"one of {', '.join(CHOICES[name])}"
    if not kind.startswith(LIST):
        fits, wanted = KINDS.get(kind, (r"[\s\S]*", ""))
        return "" if re.fullmatch(fits, text) else wanted
    fits, wanted = KINDS[kind.removeprefix(LIST)]
    # what is left out has the flag's default; brackets hold commas together
    each = [] if re.search(r"[\[\](){}]", text) else [re.sub(r"^([\"'])(.*)\1$", r"\2", one) for one in text.split(",")]
    return "" if all(not one or re.fullmatch(fits, one) for one in each) else f"{wanted}, or several with commas"


def is_known(robot: Robot, service: str) -> bool:
    """Whether the program of ``service`` has the version of which this project knows flags and fields."""
    version = versions().get(service)
    return version is not None and robot.values.get(PROGRAMS[service].version) == version


def known(service: str) -> Mapping[str, str]:
    """Return the flags of a service's program, in the version of `versions`, and the kind of each."""
    flags: dict[str, str] = _read()[service]["flags"]
    return flags


def versions() -> dict[str, str]:
    """Return of which version of each service's program the flags are known."""
    return {service: found["version"] for service, found in _read().items()}


@lru_cache(maxsize=1)
def _read() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    return found
