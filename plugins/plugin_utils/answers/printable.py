"""Everything that comes from a robot becomes printable, bounded text and plain data, by these functions alone.

An escape sequence in a container's log line could otherwise paint over what the operator's terminal shows of others.
What cannot be printed is written out (``\\x1b``), so that nothing is hidden either.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

LONGEST_LINE = 2000  # characters
LONGEST_BLOCK = 1 << 19
DEEPEST = 12
MOST_VALUES = 200_000  # in one answer, at any depth
MOST_CHARACTERS = 16 << 20
LARGEST = 1e15


class ImmenseError(ValueError):
    """An answer is larger or deeper than any of ours; nothing of it is used."""


def line(raw: str, longest: int = LONGEST_LINE) -> str:
    """Return ``raw`` as one line of printable characters, cut where it is longer than ``longest``."""
    text = raw if len(raw) <= longest else f"{raw[:longest]}... ({len(raw) - longest} characters more)"
    return text if text.isprintable() else "".join(c if c.isprintable() else _written(c) for c in text)


def block(raw: str, longest: int = LONGEST_BLOCK) -> str:
    """Return ``raw`` as printable text of any number of lines; tabs stay as well."""
    text = raw if len(raw) <= longest else f"{raw[:longest]}... ({len(raw) - longest} characters more)"
    if text.replace("\n", "").replace("\t", "").isprintable():
        return text
    return "".join(c if c in "\n\t" or c.isprintable() else _written(c) for c in text)


def _written(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def plain(raw: Any) -> Any:
    """Return ``raw`` as plain data with printable texts; raise `ImmenseError` where it is more than any answer.

    Numbers that are none (infinities) and those beyond 1e15 become None. Ansible's own records of errors and warnings
    keep their types, with printable texts.
    """
    return _Reading().of(raw, DEEPEST)


class _Reading:
    """One answer on its way in; counts what it has held so far."""

    def __init__(self) -> None:
        self._values, self._characters = 0, 0

    def of(self, raw: Any, depth: int) -> Any:
        self._count(1, 0)
        if raw is None or isinstance(raw, bool):
            return raw
        if isinstance(raw, (int, float)):
            return raw if abs(raw) <= LARGEST else None  # what is not a number is not below it either
        if isinstance(raw, (Mapping, list, tuple)) or is_dataclass(raw):
            return self._several(raw, depth)
        return self._text(str(raw))

    def _several(self, raw: Any, depth: int) -> Any:
        if depth == 0:
            raise ImmenseError(f"it is nested more than {DEEPEST} times")
        if isinstance(raw, Mapping):
            return {self._text(str(key)): self.of(value, depth - 1) for key, value in raw.items()}
        if isinstance(raw, (list, tuple)):
            return [self.of(value, depth - 1) for value in raw]
        return replace(raw, **{field.name: self._kept(getattr(raw, field.name), depth) for field in fields(raw)})

    def _kept(self, raw: Any, depth: int) -> Any:
        """Return a field of one of Ansible's records: texts and records change, what else they hold is its own."""
        if isinstance(raw, tuple):
            return tuple(self._kept(value, depth - 1) for value in raw)
        known = isinstance(raw, str) or is_dataclass(raw)
        return self.of(raw, depth - 1) if known else raw

    def _text(self, raw: str) -> str:
        self._count(0, min(len(raw), LONGEST_BLOCK))
        return block(raw)

    def _count(self, values: int, characters: int) -> None:
        self._values, self._characters = self._values + values, self._characters + characters
        if self._values > MOST_VALUES or self._characters > MOST_CHARACTERS:
            raise ImmenseError(f"it has more than {MOST_VALUES} values, or {MOST_CHARACTERS >> 20} Mi characters")
