"""Where a robot's trees are. They are passed in everywhere, so that a fixture tree can stand for a robot."""

from __future__ import annotations

import os
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

    def real(self, absolute: str) -> str:
        """Return the robot's path to which the links in an ``absolute`` one lead: an owner may have moved a folder."""
        top, found = os.path.realpath(self.filesystem), os.path.realpath(self.path(absolute))
        return f"/{os.path.relpath(found, top)}" if found.startswith(f"{top.rstrip('/')}/") else found
