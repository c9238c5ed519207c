"""Where a robot's trees are. They are passed in everywhere, so that a fixture tree can stand for a robot."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Roots:
    """Where the robot's trees are; fixture trees stand for them in tests."""

    filesystem: Path = Path("/")
    proc: Path = Path("/proc")
    sys: Path = Path("/sys")

    def path(self, absolute: str) -> Path:
        """Return the real place of the robot's ``absolute`` path."""
        return self.filesystem / absolute.lstrip("/")
