"""What the stack keeps on the robot's disk: images and data. Reading only."""

from __future__ import annotations

from ..base.roots import Roots
from ..base.units import mib_of
from ..engine.protocol import Engine
from ..host import disk_space
from ..spec import layout
from ..spec.model import Stack


def read(stack: Stack, engine: Engine, roots: Roots) -> dict[str, dict[str, float | None]]:
    """Return, by service, the size of its image and of its data in MiB; None: not there, or it keeps none."""
    found = {}
    for service in stack.scoped_services:
        image = engine.image(service.image)
        paths = [roots.path(layout.data_path(stack, service, data.name)) for data in service.data]
        found[service.name] = {
            "image_mib": mib_of(image.size) if image else None,
            "data_mib": mib_of(sum(disk_space.used(path) for path in paths)) if paths else None,
        }
    return found
