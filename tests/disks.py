"""A small disk of its own, below a directory: a tmpfs, which only root can mount."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

as_root = pytest.mark.skipif(os.getuid() != 0, reason="mounts a file system, which is root's to do")


@contextmanager
def small_disk(path: Path, mib: int) -> Iterator[Path]:
    """Mount an empty disk of so many MiB at ``path``, for as long as the context lasts."""
    path.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", path], check=True, timeout=60)
    try:
        yield path
    finally:
        subprocess.run(["umount", "--lazy", path], check=True, timeout=60)
