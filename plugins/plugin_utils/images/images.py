"""What the action plugins ask for: digests to compare with, archives to send, and folders for other machines.

A lock keeps parallel workers from building or compressing the same image twice.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.base.files import file_digest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.image import fingerprint

from .. import collection
from .archive import assemble, leading_layers, name_of, short
from .errors import ImageUnavailableError
from .folder import ImageFolder, Packed
from .packing import pack
from .recipe import Recipe

if TYPE_CHECKING:
    from .engine import ControllerEngine

KEPT_IMAGES = 24  # packed ones in the cache: four services in two versions for three architectures
KEPT_ARCHIVES = 24
Wanted = Mapping[str, Collection[str]]  # reference -> architectures


@dataclass(frozen=True)
class Archive:
    """A file to send, its digest, how many of the image's layers it leaves out, and all of them, shortened."""

    path: Path
    digest: str
    left_out: int
    layers: tuple[str, ...]


class Images:
    """Images from this machine's engine, or, with a ``source``, from a folder that another machine has made."""

    def __init__(
        self,
        say: Callable[[str], None],
        source: Path | None = None,
        cache: Path | None = None,
        recipes: Mapping[str, Recipe] | None = None,
        digests: Mapping[str, str] | None = None,
    ) -> None:
        """``say`` tells a person about long work; ``recipes`` are those of images that are built here.

        ``digests`` are those by which this machine's engine pulls images.
        """
        self._say, self._source, self._recipes = say, source, dict(recipes or {})
        self._digests = dict(digests or {})
        self._cache = (cache or collection.cache()) / "images"
        self._archives = self._cache / "archives"

    def note_recipe(self, reference: str, recipe: Recipe | None) -> None:
        """Note what an image is built from; None: it is pulled."""
        if recipe is not None:
            self._recipes[reference] = recipe

    def fingerprints(self, wanted: Wanted) -> dict[str, dict[str, str]]:
        """Have every image ready; return reference -> architecture -> digest."""
        if self._source:
            return {
                reference: {arch: self._listed(reference, arch).fingerprint for arch in sorted(set(archs))}
                for reference, archs in sorted(wanted.items())
            }
        with self._lock(), self._engine() as engine:
            return {
                reference: {arch: fingerprint(engine.ready(reference, arch)) for arch in sorted(set(archs))}
                for reference, archs in sorted(wanted.items())
            }

    def archive(
        self, reference: str, architecture: str, chains: Sequence[Sequence[str]] = (), expected: str = ""
    ) -> Archive:
        """Return the archive for a robot that has images of these ``chains`` (see archive.leading_layers).

        ``expected`` is the digest that was found before ("": any): no other image is sent.
        """
        with self._lock():
            folder = ImageFolder(self._source or self._cache)
            image = self._listed(reference, architecture) if self._source else self._packed(reference, architecture)
            _same(image, expected, architecture)
            skip = leading_layers(image, chains)
            path = self._archives / name_of(image, skip)
            if not path.exists():
                assemble(folder, image, skip, path)
                self._forget_archives()
            path.touch()
            return Archive(path, file_digest(path), skip, tuple(short(image.layers)))

    def export(self, wanted: Mapping[str, Mapping[str, str]], directory: Path) -> list[Packed]:
        """Lay every image into a folder, for machines without an engine or a network; return what it holds now.

        ``wanted`` are the digests that were found before, by reference and architecture: no other image is laid there.
        """
        target = ImageFolder(directory)
        new = [(reference, *one) for reference, prints in sorted(wanted.items()) for one in sorted(prints.items())]
        with self._lock():
            for reference, arch, expected in new:
                image = self._packed(reference, arch)
                _same(image, expected, arch)
                if target.find(reference, arch, image.fingerprint):
                    try:
                        target.check(image)
                        continue
                    except ImageUnavailableError as error:
                        self._say(str(error))
                ImageFolder(self._cache).copy_to(target, image)
        return target.images()

    def packed(self, wanted: Wanted) -> Iterator[tuple[ImageFolder, Packed]]:
        """Yield every image of this machine's engine, packed, with the folder that holds it."""
        with self._lock():
            for reference, archs in sorted(wanted.items()):
                for arch in sorted(set(archs)):
                    yield ImageFolder(self._cache), self._packed(reference, arch)

    def _packed(self, reference: str, architecture: str) -> Packed:
        """Return the engine's image from the cache, packed where it is not there yet."""
        cache = ImageFolder(self._cache)
        with self._engine() as engine:
            inspected = engine.ready(reference, architecture)
            found = cache.find(reference, architecture, fingerprint(inspected))
            if found is not None and cache.complete(found):
                return found
            self._say(f"compressing {reference} for {architecture}, once")
            saved = self._cache / "saved.partial"
            try:
                engine.save(str(inspected["Id"]), saved)
                image = pack(saved, cache, reference, architecture, fingerprint(inspected))
            finally:
                saved.unlink(missing_ok=True)
        cache.add(image, KEPT_IMAGES)
        return image

    def _engine(self) -> ControllerEngine:
        """Return this machine's engine; robots that pull, and images in a folder, need none, and no SDK for it."""
        from .engine import ControllerEngine  # noqa: PLC0415 (see above)

        return ControllerEngine(self._recipes, self._say, self._digests)

    def _listed(self, reference: str, architecture: str) -> Packed:
        folder = ImageFolder(self._source or self._cache)
        found = folder.find(reference, architecture)
        if found is None:
            raise ImageUnavailableError(
                f"{folder.path} does not hold {reference} for {architecture}: fill it on a machine with a network: "
                "ansible-playbook playbooks/images.yml -e images_directory=FOLDER"
            )
        return found

    def _forget_archives(self) -> None:
        for old in sorted(self._archives.glob("*.archive"), key=lambda p: p.stat().st_mtime)[:-KEPT_ARCHIVES]:
            old.unlink()

    @contextmanager
    def _lock(self) -> Iterator[None]:
        self._archives.mkdir(parents=True, exist_ok=True)
        with (self._cache / "lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield


def _same(image: Packed, expected: str, architecture: str) -> None:
    """Raise ImageUnavailableError where an image is not the one that was found before."""
    if expected and image.fingerprint != expected:
        raise ImageUnavailableError(f"{image.reference} for {architecture} was renewed in the meantime: run again")
