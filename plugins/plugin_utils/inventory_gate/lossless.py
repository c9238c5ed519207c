"""Texts that are a number or a truth: -e NAME=72 and some inventories know nothing but texts.

What Ansible itself would convert without a loss is taken for what it says; what would lose something stays a text,
which the check of types refuses.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

WHOLE = re.compile(r"0|-?[1-9][0-9]{0,18}")
NUMBER = re.compile(r"(0|-?[1-9][0-9]{0,14}|-?0(?=\.))(\.[0-9]{1,15})?")
TRUTHS: Mapping[str, bool] = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}
CONVERTED = ("int", "float", "bool")


def plain(kind: str, value: Any) -> Any:
    """Return ``value`` as what it says, for a variable of type ``kind``; itself, where something would be lost."""
    if kind == "int" and isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return int(value)
    if not isinstance(value, str):
        return value
    if kind == "int" and WHOLE.fullmatch(value):
        return int(value)
    if kind == "float" and NUMBER.fullmatch(value):
        return float(value) if "." in value else int(value)
    if kind == "bool":
        return TRUTHS.get(value.lower(), value)
    return value


def arguments(described: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a module's arguments ``given`` as `plain` has them, by its argument specification."""
    found = dict(given)
    for name, value in given.items():
        option = described.get(name) or {}
        if isinstance(value, Mapping) and option.get("options"):
            found[name] = arguments(option["options"], value)
        else:
            found[name] = plain(str(option.get("type")), value)
    return found
