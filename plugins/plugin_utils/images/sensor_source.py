"""The files that the sensor image is made of."""

from __future__ import annotations

import hashlib
from pathlib import Path

# What .dockerignore lets in, and what says how to build it: tests and tools change without a new image.
PARTS = ("Dockerfile", ".dockerignore", "image", "src")
IGNORED = ("__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis")


def source_digest(context: Path) -> str:
    """Return a digest over every file that decides what the image is."""
    digest = hashlib.sha256()
    for path in sorted(context.rglob("*")):
        relative = path.relative_to(context)
        if relative.parts[0] not in PARTS or any(part in IGNORED for part in relative.parts) or not path.is_file():
            continue
        if path.suffix != ".pyc":
            digest.update(f"{relative}\0{path.stat().st_mode & 0o111}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()
