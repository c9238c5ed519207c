"""What this controller knows of a robot's images from the last delivery, so that a small update needs one module run.

It is a guess, never an answer: the robot checks what it is sent, and asks for what it really lacks.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

LARGEST_GUESS = 256 * 1024  # bytes: what may be sent in vain


@dataclass
class Known:
    """``images``: reference -> fingerprint; ``chains``: the layers of its images, see controller_images.archive."""

    images: dict[str, str] = field(default_factory=dict)
    chains: list[list[str]] = field(default_factory=list)

    def outdated(self, reference: str, fingerprint: str) -> bool:
        """Whether the robot had another image under this name."""
        return self.images.get(reference, fingerprint) != fingerprint

    def learn(self, reference: str, fingerprint: str, layers: Iterable[str]) -> None:
        """Note an image that the robot has now."""
        self.images[reference] = fingerprint
        chain = list(layers)
        self.chains = [*(known for known in self.chains if known != chain), chain]


class RobotMemory:
    """One robot's file in a folder of the controller."""

    def __init__(self, folder: Path, robot: str, variables: Mapping[str, Any]) -> None:
        """Tell robots apart by their name and by where they are: two inventories may use the same name."""
        place = [robot, str(variables.get("ansible_host", "")), str(variables.get("ansible_port", ""))]
        self._path = folder / f"{hashlib.sha256(json.dumps(place).encode()).hexdigest()[:24]}.json"

    def load(self) -> Known:
        """Return what is known; nothing is a valid answer."""
        try:
            return Known(**json.loads(self._path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return Known()

    def save(self, known: Known) -> None:
        """Keep it."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._path.with_suffix(".partial")
        partial.write_text(json.dumps(asdict(known)), encoding="utf-8")
        partial.replace(self._path)

    def forget(self) -> None:
        """The robot has nothing of ours any more."""
        self._path.unlink(missing_ok=True)
