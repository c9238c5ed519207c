"""Absolute paths as text: one spelling of each, and which is below which. No file is looked at."""

from __future__ import annotations

from pathlib import PurePosixPath


def plain(path: str) -> str:
    """Return one spelling of an absolute path: `//a/./b/` is `/a/b`. Where it goes back up, it still does."""
    return "/" + "/".join(PurePosixPath(path.lstrip("/")).parts)


def inside(path: str, top: str) -> bool:
    """Whether ``path`` is ``top`` or below it, however they are spelt."""
    return f"{plain(path)}/".startswith(f"{plain(top).rstrip('/')}/")
