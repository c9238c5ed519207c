"""The files that an image is built of: those that its .dockerignore lets in."""

from __future__ import annotations

import hashlib
from pathlib import Path

from .sdk import exclude_paths

IGNORE = ".dockerignore"
# What running a program or its tests leaves behind; it never makes an image another one.
CACHES = ("__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis")


def source_digest(context: Path) -> str:
    """Return a digest over every file that decides what the image is."""
    digest = hashlib.sha256()
    for relative in sorted({Path(name) for name in exclude_paths(str(context), _patterns(context))} | {Path(IGNORE)}):
        path = context / relative
        if any(part in CACHES for part in relative.parts) or path.suffix == ".pyc" or not path.is_file():
            continue
        digest.update(f"{relative}\0{path.stat().st_mode & 0o111}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _patterns(context: Path) -> list[str]:
    """Return what keeps files out of the build, as the engine's own client reads it."""
    path = context / IGNORE
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]
