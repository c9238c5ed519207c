"""What this controller knows of a robot's images from the last delivery, so that a small update needs one module run.

It is a guess, never an answer: the robot checks what it is sent, and asks for what it really lacks.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..whole_file import whole

FORMAT = 1
LARGEST_GUESS = 256 * 1024  # bytes: what may be sent in vain


class KnownImages:
    """One robot's file in a folder of the controller.

    ``images``: reference -> fingerprint; ``chains``: the layers of its images, see images.archive.
    """

    def __init__(self, folder: Path, robot: str, variables: Mapping[str, Any]) -> None:
        """Tell robots apart by their name and by where they are: two inventories may use the same name."""
        place = [robot, str(variables.get("ansible_host", "")), str(variables.get("ansible_port", ""))]
        self._path = folder / f"{hashlib.sha256(json.dumps(place).encode()).hexdigest()[:24]}.json"
        self.images: dict[str, str] = {}
        self.chains: list[list[str]] = []
        self._load()

    def _load(self) -> None:
        """Read what is known; what cannot be read costs one more round trip, and nothing else."""
        try:
            raw = json.loads(self._path.read_text(encoding="utf-8"))
            if raw["format"] == FORMAT:
                self.images = {str(name): str(fingerprint) for name, fingerprint in raw["images"].items()}
                self.chains = [[str(layer) for layer in chain] for chain in raw["chains"]]
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            self.images, self.chains = {}, []

    def outdated(self, reference: str, fingerprint: str) -> bool:
        """Whether the robot had another image under this name."""
        return self.images.get(reference, fingerprint) != fingerprint

    def learn(self, reference: str, fingerprint: str, layers: Iterable[str]) -> None:
        """Note an image that the robot has now."""
        self.images[reference] = fingerprint
        chain = list(layers)
        self.chains = [*(known for known in self.chains if known != chain), chain]

    def save(self) -> None:
        """Keep it."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        told = {"format": FORMAT, "images": self.images, "chains": self.chains}
        with whole(self._path) as partial:
            partial.write_text(json.dumps(told), encoding="utf-8")

    def forget(self) -> None:
        """The robot has nothing of ours any more."""
        self._path.unlink(missing_ok=True)
