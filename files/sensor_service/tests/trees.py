"""How fixture trees are written, and what several of them hold."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def _pressure(some: int, full: int) -> str:
    return f"some avg10=1.00 avg60=0.50 avg300=0.20 total={some}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total={full}\n"


PRESSURE = {
    "cpu": _pressure(12_500_000, 0),
    "io": _pressure(2_000_000, 1_500_000),
    "memory": _pressure(250_000, 125_000),
}


def write(root: Path, tree: Mapping[str, str | float]) -> Path:
    """Writes the files of `tree`, each with a line feed at its end, as the kernel does."""
    for name, content in tree.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = str(content)
        path.write_text(text if text.endswith("\n") else f"{text}\n", encoding="utf-8")
    return root
