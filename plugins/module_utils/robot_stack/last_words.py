"""What a container said last."""

from __future__ import annotations

from .engine_api import Engine, EngineError

LINES = 20


def of(engine: Engine, name: str) -> str:
    """Return its last lines; logs that cannot be read must not keep the good one from coming back."""
    try:
        return engine.logs(name, LINES) if engine.inspect(name) else ""
    except EngineError as error:
        return f"(its log cannot be read: {error})"
