"""What Podman keeps: images, volumes, containers. It is asked once, and again after something was done with them."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..fields import text, texts
from ..protocol import PREFIX, EngineError, FoundContainer, FoundImage
from . import found, images, oci
from .programs import LARGEST_ANSWER, TRANSFER_SECONDS, Programs, as_error


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
        """Return the containers that Podman knows; none where it is gone, or no program of it may be started."""
        if self.programs.looks_only or not self.programs.there:
            return []
        if self._containers is None:
            self._containers = self._listed("ps", "--all", "--no-trunc", "--format=json")
        return [found.listed(raw) for raw in self._containers]

    def external(self) -> list[str]:
        """Return the names of containers that others than Podman keep here (Buildah, CRI-O), asked for where it counts.

        Podman has no such question in every run: one of them that goes meanwhile, or whose image is damaged, fails it.
        What bears our prefix a `podman run` of ours has left that was killed.
        """
        known = {one.id for one in self.containers()}
        listed = map(found.listed, self._listed("ps", "--all", "--external", "--no-trunc", "--format=json"))
        return [one.name for one in listed if one.id not in known and not one.name.startswith(PREFIX)]

    def all(self) -> list[Mapping[str, Any]]:
        """Return what Podman tells of each image."""
        if self._images is None:
            # all: what has lost its name and has another one built on it is left out otherwise
            listed = self.programs.ask("images", "--all", "--quiet", "--no-trunc").split()
            ids = list(dict.fromkeys(word.rpartition(":")[2] for word in listed))
            self._images = self._inspected(ids) if ids else []
        return self._images

    def bearer(self, reference: str, storage: str) -> Mapping[str, Any]:
        """Return what is known of the image of this reference or id; of a damaged one, its id and its names alone.

        ``storage`` is where it all lies: Podman lists no image of which a layer is gone, and removes it all the same.
        """
        return self._bearer(reference) or next((one for one in self._kept(storage) if images.bears(one, reference)), {})

    def _kept(self, storage: str) -> Iterator[Mapping[str, Any]]:
        """Say of each image in the storage's own list, in Podman's words, which names it bears."""
        for path in sorted(self.programs.roots.path(storage).glob("*-images/images.json")):
            with as_error(), path.open("rb") as file:
                content = file.read(LARGEST_ANSWER).decode("utf-8", "replace")
            for raw in images.objects(images.parsed(content, str(path)), str(path)):
                names = texts(raw, "names")
                tags = [name for name in names if images.PINNED not in name]
                yield {"Id": text(raw, "id"), "RepoTags": tags, "RepoDigests": names}

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
        raw = self._bearer(reference)
        return images.image(raw) if raw else None

    def volumes(self) -> list[str]:
        """Return the names of all volumes."""
        return list(filter(None, (text(raw, "Name") for raw in self._listed("volume", "ls", "--format=json"))))

    def remove(self, reference: str, storage: str) -> None:
        """Remove an image, or one of its names; one that is gone or still used by somebody is left alone.

        By its id it goes only where nobody has given it a name. ``storage`` is where it lies.
        """
        raw = self.bearer(reference, storage)
        try:
            for name in images.own_names(raw):  # nobody's, and as a second name each would keep the image
                self.programs.ask("untag", images.hex_id(raw), name)
            if not (images.is_id(reference) and images.names(raw)):
                self.programs.ask("rmi", images.named(reference))
        except EngineError as error:
            if error.status not in (404, 409):
                raise
        finally:
            self.forget()

    def _bearer(self, reference: str) -> Mapping[str, Any]:
        return next((one for one in self.all() if images.bears(one, reference)), {})

    def tag(self, reference: str, new_reference: str) -> None:
        """Give an image a second name."""
        image = self.image(reference)
        if image is None:
            raise EngineError(404, f"no such image: {reference}")
        self.programs.ask("tag", images.named(image.id), images.local_name(new_reference))
        self.forget()

    def load(self, archive: Path) -> str:
        """Load an archive from disk; layers that are here already may have been left out of it."""
        before = self._names()
        self.forget()
        with as_error(), _room(archive.with_suffix(".room")) as room, oci.opened(archive) as sent:
            words = ["load", f"--input={archive}"]
            if sent and sent.folder:  # without a name behind it Podman makes none up
                words = ["pull", "--quiet", f"oci:{sent.folder}"]
            said = self.programs.ask(*words, seconds=TRANSFER_SECONDS, room=room)
            if sent:
                self._name(sent, before)
            return said.strip()

    def _name(self, sent: oci.Sent, before: Mapping[str, str]) -> None:
        """Give what was brought the names that it shall have; every other name is whose it was ``before``."""
        there = self._names()
        wanted = [images.local_name(name) for name in sent.names]
        for name in wanted:
            if there.get(name) != sent.image:
                self.programs.ask("tag", sent.image, name)
        for name in [name for name, image in there.items() if image == sent.image and name not in wanted]:
            if name == images.FORMER or name not in before:
                self.programs.ask("untag", sent.image, name)
            elif before[name] != sent.image:
                self.programs.ask("tag", before[name], name)
        self.forget()

    def _names(self) -> dict[str, str]:
        """Return which image, by its id, bears which name."""
        return {name: images.hex_id(raw) for raw in self.all() for name in texts(raw, "RepoTags")}

    def pull(self, reference: str, store: str, username: str, password: str) -> None:
        """Pull NAME@sha256:HEX from its registry; a login stands in a file of root's for as long, and nowhere else.

        ``store`` is where Podman keeps images: what it unpacks comes onto the same disk.
        """
        self.forget()
        name = images.registry_name(reference)
        roots = self.programs.roots
        with (
            as_error(),
            _room(roots.path(f"{store}/robot-stack.room")) as room,
            tempfile.TemporaryDirectory(dir=roots.path("/run")) as folder,
        ):
            login = [f"--authfile={_login(Path(folder), name, username, password)}"] if username else []
            self.programs.ask("pull", "--quiet", *login, name, seconds=TRANSFER_SECONDS, room=room)


@contextmanager
def _room(folder: Path) -> Iterator[Path]:
    """Give a program of Podman's a folder on the disk for what it unpacks; what one that was killed left there goes."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _login(folder: Path, name: str, username: str, password: str) -> Path:
    path = folder / "auth.json"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(json.dumps(images.login(name.partition("/")[0], username, password)))
    return path
