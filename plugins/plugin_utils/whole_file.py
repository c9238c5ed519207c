"""A file of the controller that is there whole or not at all, wherever a run is cut off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole(target: Path, mode: int | None = None) -> Iterator[Path]:
    """Yield an empty file beside ``target`` to write into; it takes its place at the end, and goes where that fails.

    ``mode`` holds before the first byte is written. What a run that was killed left there is made anew. Raises OSError.
    """
    partial = target.with_name(f".{target.name}.partial")  # a name that no reader looks for
    partial.unlink(missing_ok=True)
    try:
        partial.touch(mode=0o666 if mode is None else mode & 0o600, exist_ok=False)
        if mode is not None:
            partial.chmod(mode)
        yield partial
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
