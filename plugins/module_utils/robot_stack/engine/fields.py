"""Fields of an engine's answer, each of the type that is asked for, or its default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LARGEST = 2**63 - 1  # the engine's own numbers have 64 bits, and JSON's any length


def part(raw: Any, name: str) -> Mapping[str, Any]:
    """Return the object ``name`` of an object, {} where it is none."""
    found = raw.get(name) if isinstance(raw, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def items(raw: Any, name: str) -> list[Any]:
    """Return the list ``name`` of an object, [] where it is none."""
    found = raw.get(name) if isinstance(raw, Mapping) else None
    return found if isinstance(found, list) else []


def parts(raw: Any, name: str) -> list[Mapping[str, Any]]:
    """Return the objects in the list ``name`` of an object."""
    return [found for found in items(raw, name) if isinstance(found, Mapping)]


def text(raw: Mapping[str, Any], name: str, default: str = "") -> str:
    """Return the text ``name`` of an object."""
    found = raw.get(name)
    return clean(found) if isinstance(found, str) else default


def texts(raw: Any, name: str) -> list[str]:
    """Return the texts in the list ``name`` of an object."""
    return [clean(found) for found in items(raw, name) if isinstance(found, str)]


def clean(value: str) -> str:
    """Return a text that can be encoded: JSON can write half of a character."""
    return value.encode("utf-8", "replace").decode()


def number(raw: Mapping[str, Any], name: str, smallest: int = 0) -> int:
    """Return the whole number ``name`` of an object; 0 where it is none, too small or of more than 64 bits."""
    found = raw.get(name)
    if isinstance(found, bool) or not isinstance(found, int):
        return 0
    return found if smallest <= found <= LARGEST else 0


def flag(raw: Mapping[str, Any], name: str, default: bool = False) -> bool:
    """Return whether ``name`` of an object is true."""
    found = raw.get(name)
    return found if isinstance(found, bool) else default
