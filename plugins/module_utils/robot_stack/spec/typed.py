"""Whether what was read from a file has the types that the model states: its annotations are the rule.

The module's own parameters have been through Ansible's type checks; what a file holds has been through none.
"""

from __future__ import annotations

import math
from dataclasses import fields, is_dataclass
from typing import Any, Callable

_PLAIN: dict[str, Callable[[Any], bool]] = {
    "str": lambda value: isinstance(value, str) and _writable(value),
    "bool": lambda value: isinstance(value, bool),
    "int": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "float": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value),
}


def _writable(text: str) -> bool:
    """Whether a file can hold the text: JSON may hold halves of characters."""
    return text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text)


def mistyped(value: Any) -> list[str]:
    """Return the names of the fields of dataclass ``value``, and of those inside of it, that have another type."""
    return [
        field.name
        for field in fields(value)
        if field.name != "raw" and not _fits(str(field.type), getattr(value, field.name))
    ]


def _fits(annotation: str, value: Any) -> bool:
    if annotation in _PLAIN:
        return _PLAIN[annotation](value)
    outer, _, inner = annotation.rstrip("]").partition("[")
    if outer == "tuple":
        return isinstance(value, tuple) and all(_fits(inner.split(",")[0], one) for one in value)
    if outer == "Mapping":
        wanted = inner.split(", ")[1]
        return isinstance(value, dict) and all(isinstance(k, str) and _fits(wanted, v) for k, v in value.items())
    return is_dataclass(value) and type(value).__name__ == annotation and not mistyped(value)
