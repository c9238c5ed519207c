"""Variables of one robot that are texts and say a number or a truth, in every place that reads them.

The gate finds them for all robots at once, and each robot's task takes over what it found.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .. import collection
from ..inventory_gate.catalogue import load
from ..inventory_gate.declaration import Option
from ..inventory_gate.lossless import CONVERTED, plain
from .evaluation import worked_out

FACT = "robot_stack_plain"  # robot -> variable -> value


def converted(variables: Mapping[str, Any], options: Iterable[Option], templar: Any) -> dict[str, Any]:
    """Return what the texts among ``variables`` say, by name; what needs no conversion is not in it."""
    found = {}
    for option in options:
        raw = variables.get(option.name)
        if option.type in CONVERTED and isinstance(raw, (str, float)):
            value, why = worked_out(raw, templar)
            said = plain(option.type, value)
            if not why and type(said) is not type(value):
                found[option.name] = said
    return found


def of_robot(variables: Mapping[str, Any], templar: Any) -> dict[str, Any]:
    """Return `converted` for a robot's task: as the gate found it, or, where no gate ran, found here."""
    known = (variables.get("ansible_facts") or {}).get(FACT)
    if isinstance(known, Mapping):
        return dict(known.get(variables.get("inventory_hostname")) or {})
    return converted(variables, load(collection.ROLES).options.values(), templar)
