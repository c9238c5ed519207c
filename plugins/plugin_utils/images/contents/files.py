"""The files of a packed image that say what it holds, as a container would see them: upper layers hide lower ones."""

from __future__ import annotations

import gzip
import re
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..errors import ImageUnavailableError
from ..folder import BLOCK, ImageFolder, Packed

WHITEOUT, OPAQUE = ".wh.", ".wh..wh..opq"  # how a layer removes a name of those below, and all of a folder
LARGEST_TEXT = 32 << 20  # bytes of a package database
LARGEST_PROGRAM = 512 << 20
TEXTS = re.compile(
    r"(?:usr/)?lib/apk/db/installed|(?:etc|usr/lib)/os-release|var/lib/dpkg/status(?:\.d/[^/]+)?|"
    r"(?:.*/)?[^/]+\.dist-info/METADATA|(?:.*/)?[^/]+\.egg-info(?:/PKG-INFO)?"
)
ELF = b"\x7fELF"


@dataclass(frozen=True)
class Found:
    """By path, without a leading slash: texts that list packages, and programs with libraries."""

    texts: dict[str, str] = field(default_factory=dict)
    programs: dict[str, bytes] = field(default_factory=dict)

    def below(self, folder: str) -> list[str]:
        """Return what is kept of a folder."""
        return [name for name in [*self.texts, *self.programs] if name.startswith(f"{folder}/")]

    def drop(self, path: str) -> None:
        """Forget a path and what is below it."""
        for name in [path, *self.below(path)]:
            self.texts.pop(name, None)
            self.programs.pop(name, None)


def read(folder: ImageFolder, image: Packed) -> Found:
    """Return what a packed image shows; raise `ImageUnavailableError` where a layer cannot be read."""
    found = Found()
    for digest in image.layers:
        try:
            with gzip.open(folder.layer(digest)) as stream:
                stream.read(BLOCK)  # the header of the layer in the archive that robots are sent
                with tarfile.open(fileobj=stream, mode="r|") as layer:
                    _add(layer, found)
        except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
            path = folder.layer(digest)
            raise ImageUnavailableError(f"{path} of {image.reference} cannot be read: {error}") from error
    return found


def _add(layer: tarfile.TarFile, found: Found) -> None:
    own: set[str] = set()  # an opaque folder hides what is below this layer, and nothing that it brings itself
    for member in layer:
        layer.members = []  # type: ignore[attr-defined]  # else it remembers each of them
        path = member.name.removeprefix("./").strip("/")
        parent, _, name = path.rpartition("/")
        if name == OPAQUE:
            for old in set(found.below(parent)) - own:
                found.drop(old)
            continue
        if name.startswith(WHITEOUT):
            found.drop(f"{parent}/{name[len(WHITEOUT) :]}".lstrip("/"))
            continue
        if not member.isdir():
            found.drop(path)
            own.add(path)
        if member.isreg():
            _keep(layer, member, path, found)


def _keep(layer: tarfile.TarFile, member: tarfile.TarInfo, path: str, found: Found) -> None:
    stream = layer.extractfile(member)
    if stream is None:
        return
    if TEXTS.fullmatch(path):
        found.texts[path] = stream.read(LARGEST_TEXT).decode("utf-8", "replace")
    elif member.mode & 0o111 or ".so" in path.rpartition("/")[2]:
        start = stream.read(len(ELF))
        if start == ELF and member.size <= LARGEST_PROGRAM:
            found.programs[path] = start + stream.read()


def labels_of(config: Mapping[str, object]) -> dict[str, str]:
    """Return the labels of an image's configuration."""
    inner = config.get("config")
    labels = inner.get("Labels") if isinstance(inner, Mapping) else None
    return {str(key): str(value) for key, value in labels.items()} if isinstance(labels, Mapping) else {}
