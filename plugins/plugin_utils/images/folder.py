"""A folder of packed images: an index, and each image's configuration and layers, named by their own digests.

    images.json     what is there: reference, architecture, fingerprint, configuration, layers
    blobs/HEX.gz    a layer: one entry of a tar, header and padding included, compressed once
    blobs/HEX.json  an image's configuration

HEX is the SHA-256 of the layer or configuration itself, so that every byte can be checked before it is used. The
controller's cache and the folders that playbooks/images.yml makes for machines without a network look the same.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import zlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records.record_file import too_new

from ..whole_file import whole
from .errors import ImageUnavailableError

INDEX = "images.json"
BLOBS = "blobs"
FORMAT = 1
LARGEST_INDEX = 4 << 20  # bytes
BLOCK = 512  # of a tar
PIECE = 1 << 20


@dataclass(frozen=True)
class Packed:
    """One image for one architecture. Digests are written sha256:HEX; layers are diff ids, lowest first."""

    reference: str
    architecture: str
    fingerprint: str
    config: str
    layers: tuple[str, ...]


def _packed(raw: Any) -> Packed:
    """Return one image of the index; keys of a later version are ignored. Raises KeyError and TypeError."""
    texts = {key: raw[key] for key in ("reference", "architecture", "fingerprint", "config")}
    layers = raw["layers"]
    if not isinstance(layers, list) or not all(isinstance(text, str) for text in [*texts.values(), *layers]):
        raise TypeError("an image has something else than texts")
    return Packed(layers=tuple(layers), **texts)


class ImageFolder:
    """A folder of packed images; what is missing or damaged raises `ImageUnavailableError`."""

    def __init__(self, path: Path) -> None:
        """Nothing is read or made before it is needed."""
        self.path = path

    def images(self) -> list[Packed]:
        """Return what the index lists, the newest last; no index is an empty folder."""
        index = self.path / INDEX
        if not index.exists():
            return []
        try:
            with index.open(encoding="utf-8") as stream:
                listed = json.loads(stream.read(LARGEST_INDEX))
            if too_new(listed, FORMAT):
                raise ImageUnavailableError(f"{index} {too_new(listed, FORMAT)}")
            return [_packed(entry) for entry in listed["images"]]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            # whole or not at all: who writes the index drops what it does not list
            raise ImageUnavailableError(f"{index} cannot be read ({error}): make the folder again") from error

    def find(self, reference: str, architecture: str, fingerprint: str = "") -> Packed | None:
        """Return an image; without a ``fingerprint``, the newest of its name."""
        for image in reversed(self.images()):
            same = (image.reference, image.architecture) == (reference, architecture)
            if same and fingerprint in ("", image.fingerprint):
                return image
        return None

    def layer(self, digest: str) -> Path:
        """Return the file of a layer."""
        return self.path / BLOBS / f"{digest.partition(':')[2]}.gz"

    def config(self, digest: str) -> Path:
        """Return the file of a configuration."""
        return self.path / BLOBS / f"{digest.partition(':')[2]}.json"

    def complete(self, image: Packed) -> bool:
        """Whether every file of the image is there; whether it is whole, `check` tells."""
        return all(path.is_file() for path in self._blobs(image))

    def add(self, image: Packed, keep: int) -> None:
        """List an image in the place of the one of its name; keep the newest ``keep``, drop what none of them needs."""
        name = (image.reference, image.architecture)
        others = [entry for entry in self.images() if (entry.reference, entry.architecture) != name]
        kept = [*others, image][-keep:]
        entries = [{**asdict(entry), "layers": list(entry.layers)} for entry in kept]
        # until 0.2 the number was called version
        text = json.dumps({"format": FORMAT, "version": FORMAT, "images": entries}, indent=1) + "\n"
        with whole(self.path / INDEX) as partial:
            partial.write_text(text, encoding="utf-8")
        needed = {path for entry in kept for path in self._blobs(entry)}
        for path in (self.path / BLOBS).iterdir():
            if path not in needed:
                path.unlink()

    def copy_to(self, other: ImageFolder, image: Packed) -> None:
        """Lay an image into another folder, its blobs first, so that the index never lists what is not there."""
        (other.path / BLOBS).mkdir(parents=True, exist_ok=True)
        for path in self._blobs(image):
            target = other.path / BLOBS / path.name
            with whole(target) as partial:
                shutil.copyfile(path, partial)
        other.check(image)
        other.add(image, len(other.images()) + 1)

    def check(self, image: Packed, layers: Iterable[str] | None = None) -> None:
        """Compare the image's configuration and ``layers`` (None: all) with their digests."""
        for path, digest in [
            (self.config(image.config), image.config),
            *((self.layer(layer), layer) for layer in (image.layers if layers is None else layers)),
        ]:
            if not path.is_file():
                raise ImageUnavailableError(f"{path} of {image.reference} is missing: make the folder again")
            found = _layer_digest(path) if path.suffix == ".gz" else _digest(path.read_bytes())
            if found != digest:
                raise ImageUnavailableError(
                    f"{path} of {image.reference} is damaged: remove it, and make the folder again"
                )

    def _blobs(self, image: Packed) -> list[Path]:
        return [self.config(image.config), *(self.layer(digest) for digest in image.layers)]


def _digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def _layer_digest(path: Path) -> str:
    """Return the digest of the layer inside its tar entry; what cannot be unpacked has none."""
    digest = hashlib.sha256()
    try:
        with gzip.open(path) as stream:
            header = stream.read(BLOCK)
            left = int(header[124:136].rstrip(b"\0 ") or b"0", 8)
            while left:
                piece = stream.read(min(PIECE, left))
                if not piece:
                    return ""
                digest.update(piece)
                left -= len(piece)
    except (OSError, EOFError, ValueError, zlib.error):
        return ""
    return "sha256:" + digest.hexdigest()
