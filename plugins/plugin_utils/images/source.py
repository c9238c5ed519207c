"""Where a robot's images come from, as its variables say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DIGEST = re.compile(r"^sha256:[0-9a-f]{64}$")


@dataclass(frozen=True)
class ImageSource:
    """`method` is push, archive or pull; ``directory`` is that of an archive, "" otherwise."""

    method: str = "push"
    directory: str = ""
    prefix: str = ""  # of the names in the registry; "": Docker Hub
    digests: Mapping[str, str] = field(default_factory=dict)
    registry: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> ImageSource:
        """Return the source that the module's parameter `image_delivery` describes."""
        method = str(raw.get("method") or "push")
        login = {"username": str(raw.get("username") or ""), "password": str(raw.get("password") or "")}
        return cls(
            method=method,
            directory=str(raw.get("directory") or "") if method == "archive" else "",
            prefix=str(raw.get("registry") or "").rstrip("/"),
            digests={str(key): str(value) for key, value in (raw.get("digests") or {}).items()},
            registry=login if method == "pull" else {},
        )

    @property
    def folder(self) -> Path | None:
        """The folder that holds the images; None: the controller's engine has them."""
        return Path(self.directory).expanduser() if self.directory else None

    def pinned(self, reference: str) -> str:
        """Return the name by which the robot's engine pulls: registry, repository and digest, no tag."""
        repository = reference.rpartition(":")[0]
        return f"{self.prefix + '/' if self.prefix else ''}{repository}@{self.digests[reference]}"

    def objection(self, reference: str) -> str:
        """Return why this image cannot be delivered this way; "" if it can."""
        if self.method == "archive" and not self.directory:
            return "no folder is named: set robot_stack_images_directory"
        digest = self.digests.get(reference, "")
        if digest and not DIGEST.fullmatch(digest):
            return f"{reference} has a digest that is not sha256:HEX"
        if self.method == "pull" and not digest:
            return f"{reference} has no digest"
        return ""
