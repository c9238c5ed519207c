"""What Podman keeps: images, volumes, containers. It is asked once, and again after something was done with them."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..fields import text, texts
from ..protocol import EngineError, FoundContainer, FoundImage
from . import found, images, oci
from .programs import TRANSFER_SECONDS, Programs, as_error


@dataclass
class Store:
    """Asks `podman`. Every method raises `EngineError`."""

    programs: Programs
    _images: list[Mapping[str, Any]] | None = field(default=None, init=False)
    _containers: list[Mapping[str, Any]] | None = field(default=None, init=False)

    def forget(self) -> None:
        """Ask again the next time: something is about to change."""
        self._images = self._containers = None

    def containers(self) -> list[FoundContainer]:
        """Return the containers that Podman knows; none where no program of it may be started."""
        if self.programs.looks_only:
            return []
        if self._containers is None:
            self._containers = self._listed("ps", "--all", "--no-trunc", "--format=json")
        return [found.listed(raw) for raw in self._containers]

    def all(self) -> list[Mapping[str, Any]]:
        """Return what Podman tells of each image."""
        if self._images is None:
            listed = self.programs.ask("images", "--quiet", "--no-trunc").split()
            ids = list(dict.fromkeys(word.rpartition(":")[2] for word in listed))
            self._images = self._inspected(ids) if ids else []
        return self._images

    def _inspected(self, ids: Sequence[str]) -> list[Mapping[str, Any]]:
        """Return what is told of images. One that is damaged fails the question for all: it is left out."""
        try:
            return self._listed("image", "inspect", *ids)
        except EngineError as error:
            if error.status == 0:  # no image's fault
                raise
            return [raw for one in ids for raw in self._inspected([one])] if len(ids) > 1 else []

    def _listed(self, *words: str) -> list[Mapping[str, Any]]:
        called = f"podman {words[0]}"
        return images.objects(images.parsed(self.programs.ask(*words), called), called)

    def image(self, reference: str) -> FoundImage | None:
        """Return the image of this reference or id, None where there is none."""
        raw = next((one for one in self.all() if images.bears(one, reference)), None)
        return images.image(raw) if raw else None

    def volumes(self) -> list[str]:
        """Return the names of all volumes."""
        return list(filter(None, (text(raw, "Name") for raw in self._listed("volume", "ls", "--format=json"))))

    def remove(self, reference: str) -> None:
        """Remove an image, or one of its names; one that is gone or still used by somebody is left alone."""
        try:
            self.programs.ask("rmi", images.named(reference))
        except EngineError as error:
            if error.status not in (404, 409):
                raise
        finally:
            self.forget()

    def tag(self, reference: str, new_reference: str) -> None:
        """Give an image a second name."""
        image = self.image(reference)
        if image is None:
            raise EngineError(404, f"no such image: {reference}")
        self.programs.ask("tag", images.named(image.id), images.local_name(new_reference))
        self.forget()

    def load(self, archive: Path) -> str:
        """Load an archive from disk; layers that are here already may have been left out of it."""
        self.forget()
        with as_error(), oci.opened(archive) as sent:
            folder = sent.folder if sent else None
            words = ["load", f"--input={archive}"]
            if folder:
                words = ["pull", "--quiet", f"oci:{folder}:{oci.TAG}"]
            said = self.programs.ask(*words, seconds=TRANSFER_SECONDS)
            if sent:
                self._name(sent)
            return said.strip()

    def _name(self, sent: oci.Sent) -> None:
        """Give what was brought the names that it shall have, in place of those that Podman made up for it."""
        there = self._names(sent.image)
        wanted = [images.local_name(name) for name in sent.names]
        for name in wanted:
            if name not in there:
                self.programs.ask("tag", sent.image, name)
        made_up = {images.registry_name(name) for name in sent.names}
        for name in there:
            of_folder = sent.folder is not None and sent.folder.name in name
            if name not in wanted and (name in made_up or of_folder):
                self.programs.ask("untag", sent.image, name)
        self.forget()

    def _names(self, image: str) -> list[str]:
        return texts(next((one for one in self.all() if images.bears(one, image)), {}), "RepoTags")

    def pull(self, reference: str, username: str, password: str) -> None:
        """Pull NAME@sha256:HEX from its registry; a login stands in a file of root's for as long, and nowhere else."""
        self.forget()
        name = images.registry_name(reference)
        with as_error(), tempfile.TemporaryDirectory(dir=self.programs.roots.path("/run")) as folder:
            login = [f"--authfile={_login(Path(folder), name, username, password)}"] if username else []
            self.programs.ask("pull", "--quiet", *login, name, seconds=TRANSFER_SECONDS)


def _login(folder: Path, name: str, username: str, password: str) -> Path:
    path = folder / "auth.json"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(json.dumps(images.login(name.partition("/")[0], username, password)))
    return path
