"""Small files of the kernel, /proc and /sys: what is read of them is bounded, and is a number or is said not to be."""

from __future__ import annotations

import re
from pathlib import Path

LARGEST_BYTES = 8 << 20  # a table of sockets has some 150 bytes a line
_NUMBER = re.compile(r"[0-9]{1,20}")  # the kernel's have 64 bits; int() would take other scripts' digits, too


class UnreadableError(OSError):
    """A file does not say what the kernel says in such a file."""


def text(path: Path) -> str:
    """Return what a file holds, without its end where it is endless. Raises OSError."""
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.read(LARGEST_BYTES)


def lines(path: Path) -> list[str]:
    """Return the lines of a file. Raises OSError."""
    return text(path).split("\n")


def number(word: str) -> int | None:
    """Return the whole number that a word is; None where it is none."""
    return int(word) if _NUMBER.fullmatch(word) else None


def number_in(path: Path) -> int:
    """Return the one number that a file holds. Raises OSError, which names the file where it holds something else."""
    held = text(path).strip()
    found = number(held)
    if found is None:
        raise UnreadableError(f"{path} holds {held[:40]!r} where the kernel writes a number")
    return found
