"""What a container said last."""

from __future__ import annotations

from collections.abc import Iterable

from ..spec.model import Stack
from .protocol import Engine, EngineError, name_of

LINES = 20


def told(engine: Engine, stack: Stack, names: Iterable[str]) -> list[str]:
    """Return what those of ``names`` that are services said last, a text each; they may be replaced afterwards."""
    found = []
    for name in dict.fromkeys(names):
        said = of(engine, name_of(name)) if stack.service(name) else ""
        found += [f"last log lines of {name}:\n{said}"] if said else []
    return found


def of(engine: Engine, name: str) -> str:
    """Return its last lines; logs that cannot be read must not keep the good one from coming back."""
    try:
        return engine.logs(name, LINES) if engine.inspect(name) else ""
    except EngineError as error:
        return f"(its log cannot be read: {error})"
