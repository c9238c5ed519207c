"""The order of the robots, and how many make a wave."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any


def ordered(robots: Sequence[str], canaries: Collection[str]) -> list[str]:
    """Return ``robots`` with those that are canaries first; otherwise in the inventory's order."""
    return [name for name in robots if name in canaries] + [name for name in robots if name not in canaries]


def sizes(waves: Sequence[Any], total: int) -> list[int]:
    """Return the number of robots in each wave of a fleet of ``total``; a share is rounded down, and one at least."""
    return [min(total, size(wave, total)) for wave in waves]


def size(wave: Any, total: int) -> int:
    """Return the number of robots of one wave. Raises ValueError where ``wave`` says none."""
    text = str(wave).strip()
    if text.endswith("%"):
        share = float(text[:-1])
        if not 0 < share <= 100:
            raise ValueError(f"{text} is not above 0 % and at most 100 %")
        return max(1, int(total * share / 100))
    if isinstance(wave, bool) or not text.isdigit() or int(text) < 1:
        raise ValueError(f'"{text}" is neither a number of robots nor a share of them')
    return int(text)
