"""What an image is built from, for the images that are built here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Recipe:
    """``bases``: the Dockerfile's build arguments that name its base images, and these images.

    ``build_bases`` are those of stages that run while building: for this machine's architecture, whatever is built.
    """

    context: Path
    bases: Mapping[str, str] = field(default_factory=dict)
    build_bases: Mapping[str, str] = field(default_factory=dict)

    def told(self) -> dict[str, Any]:
        """Return it as plain data, for another task."""
        return {"context": str(self.context), "bases": dict(self.bases), "build_bases": dict(self.build_bases)}

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Recipe:
        """Return the recipe that was told."""
        return cls(Path(str(told["context"])), _texts(told.get("bases")), _texts(told.get("build_bases")))


def _texts(told: Any) -> dict[str, str]:
    return {str(name): str(base) for name, base in (told or {}).items()}
