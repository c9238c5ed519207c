"""Sums over pages of metrics. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

LINE = r"^{name}(?:\{{(?P<labels>[^\n]*)\}})?[ \t]+(?P<value>\S+)"
LABEL = r'\b{label}="([^"]*)"'


def values(pages: Iterable[str], name: str) -> list[tuple[str, float]]:
    """Return labels, as they are written, and value of each series of metric ``name``."""
    line = re.compile(LINE.format(name=re.escape(name)), re.MULTILINE)
    return [(found["labels"] or "", float(found["value"])) for page in pages for found in line.finditer(page)]


def total(pages: Iterable[str], name: str, having: str = "") -> float:
    """Return the sum of ``name`` over all series that have the words ``having`` in their labels; 0 without any."""
    return sum(value for labels, value in values(pages, name) if having in labels)


def by(pages: Iterable[str], name: str, label: str) -> dict[str, float]:
    """Return the sums of ``name`` by the values of one label."""
    found: dict[str, float] = {}
    for labels, value in values(pages, name):
        key = re.search(LABEL.format(label=re.escape(label)), labels)
        if key:
            found[key[1]] = found.get(key[1], 0.0) + value
    return found
