"""What the stack keeps on the robot's disk: images and data. Reading only."""

from __future__ import annotations

import os
from typing import Any

from ..base.roots import Roots
from ..base.units import mib_of
from ..engine.docker.api import Engine
from ..spec import layout
from ..spec.model import Stack

MOST_ENTRIES = 100_000  # a data directory has some hundred; more would not be ours
BLOCK = 512  # bytes, what st_blocks counts in


def read(stack: Stack, engine: Engine, roots: Roots) -> dict[str, dict[str, float | None]]:
    """Return, by service, the size of its image and of its data in MiB; None: not there, or it keeps none."""
    found = {}
    for service in stack.scoped_services:
        image: dict[str, Any] = engine.image(service.image) or {}
        paths = [roots.path(layout.data_path(stack, service, data.name)) for data in service.data]
        found[service.name] = {
            "image_mib": mib_of(image.get("Size")),
            "data_mib": mib_of(sum(used(str(path)) for path in paths)) if paths else None,
        }
    return found


def used(directory: str) -> int:
    """Return the bytes that ``directory`` takes on disk, like `du`; what vanishes meanwhile takes none."""
    total, seen = 0, 0
    for folder, _, names in os.walk(directory):
        for name in names:
            seen += 1
            if seen > MOST_ENTRIES:
                return total
            try:
                total += os.lstat(os.path.join(folder, name)).st_blocks * BLOCK  # noqa: PTH118 (fast, on the robot)
            except OSError:
                continue
    return total
