"""What an archive holds; and one in which layers were left out as a folder that Podman takes.

`podman load` wants whole archives, and an OCI layout may lack what Podman's storage has. Layers in ours are plain tars,
whose digest is what the configuration lists and what an OCI manifest may name as well: the folder holds the very bytes
that were sent, and the image has the same id.
Sources: https://github.com/opencontainers/image-spec (image-layout.md, manifest.md), `docker save`'s manifest.json
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import json
import re
import shutil
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from ..protocol import EngineError

TAG, BLOBS = "it", "blobs/sha256"
PIECE = 1 << 20
LARGEST_TEXT = 1 << 20  # bytes of a manifest, or of a configuration
MOST_LAYERS = 127  # what the kernel's overlay takes
# what is raised by content that is no archive, is cut off, or says something else than it should
ODD = (tarfile.TarError, EOFError, zlib.error, ValueError, KeyError, TypeError, AttributeError, RecursionError)
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
INDEX, MANIFEST, CONFIG, LAYER = (
    f"application/vnd.oci.image.{what}"
    for what in ("index.v1+json", "manifest.v1+json", "config.v1+json", "layer.v1.tar")
)


@dataclass(frozen=True)
class Sent:
    """An image in an archive of ours: its id without the algorithm, and the names that it shall have.

    `folder` is an OCI layout of it; None: the archive is whole.
    """

    image: str
    names: tuple[str, ...]
    folder: Path | None = None


@dataclass(frozen=True)
class _Told:
    """What an archive's manifest and configuration say; `layers` are digests by the names of their files.

    `digests` are those of all layers, the lowest first: one may be there twice, such as an empty one.
    """

    config: bytes
    names: tuple[str, ...]
    layers: Mapping[str, str]
    digests: tuple[str, ...]


@contextmanager
def opened(archive: Path) -> Iterator[Sent | None]:
    """Tell what is in ``archive``; a folder is made beside it, for as long as this is a context.

    None: it is not made by us, and Podman says what it thinks of it. Raises `EngineError` for one that is not what it
    says it is, and OSError.
    """
    folder = archive.with_suffix(".oci")
    shutil.rmtree(folder, ignore_errors=True)
    try:
        yield _sent(archive, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sent(archive: Path, folder: Path) -> Sent | None:
    with _opened(archive) as stream:
        try:
            members = tarfile.open(fileobj=stream, mode="r|")  # noqa: SIM115 (closed with the stream)
            told, first = _told(members), members.next()
        except ODD:
            return None
        image = hashlib.sha256(told.config).hexdigest()
        if first is not None and first.name == next(iter(told.layers)):
            return Sent(image, told.names)
        (folder / BLOBS).mkdir(parents=True)
        try:
            while first is not None:
                _lay(members, first, told, folder / BLOBS)
                first = members.next()
        except ODD as error:
            raise EngineError(500, f"{archive.name} is no archive of an image: {error}") from error
    _describe(told, folder)
    return Sent(image, told.names, folder)


def _opened(archive: Path) -> IO[bytes]:
    """Return what an archive holds; it may be several compressed parts one after the other."""
    with archive.open("rb") as file:
        start = file.read(3)
    if start[:2] == b"\x1f\x8b":
        return cast("IO[bytes]", gzip.open(archive))
    return cast("IO[bytes]", bz2.open(archive)) if start == b"BZh" else archive.open("rb")


def _told(members: tarfile.TarFile) -> _Told:
    """Read the two files that stand first."""
    texts = {}
    for _ in range(2):
        member = members.next()
        if member is None or not member.isreg() or member.size > LARGEST_TEXT:
            raise ValueError("it does not begin with its configuration and its manifest")
        content = members.extractfile(member)
        texts[member.name] = content.read() if content else b""
    [about] = json.loads(texts["manifest.json"])
    config = texts[about["Config"]]
    digests, files = json.loads(config)["rootfs"]["diff_ids"], about["Layers"]
    if len(digests) != len(files) or not 0 < len(digests) <= MOST_LAYERS or not all(map(DIGEST.fullmatch, digests)):
        raise ValueError("its manifest and its configuration do not list the same layers")
    return _Told(config, tuple(map(str, about.get("RepoTags") or ())), dict(zip(files, digests)), tuple(digests))


def _lay(members: tarfile.TarFile, member: tarfile.TarInfo, told: _Told, blobs: Path) -> None:
    """Write a layer, which must be what its digest says."""
    digest = told.layers.get(member.name)
    content = members.extractfile(member) if digest and member.isreg() else None
    if digest is None or content is None:
        raise ValueError(f"it holds {member.name!r}, which its manifest does not list")
    found = hashlib.sha256()
    with (blobs / digest.partition(":")[2]).open("xb") as file:
        for piece in iter(lambda: content.read(PIECE), b""):
            found.update(piece)
            file.write(piece)
    if f"sha256:{found.hexdigest()}" != digest:
        raise ValueError(f"a layer of it is not {digest}")


def _describe(told: _Told, folder: Path) -> None:
    """Write what lists the layers, here or not."""
    config = _blob(folder, told.config)
    layers = [{"mediaType": LAYER, "digest": digest, "size": _size(folder, digest)} for digest in told.digests]
    described = {"mediaType": CONFIG, "digest": f"sha256:{config}", "size": len(told.config)}
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": described, "layers": layers}
    content = json.dumps(manifest).encode()
    entry = {
        "mediaType": MANIFEST,
        "digest": f"sha256:{_blob(folder, content)}",
        "size": len(content),
        "annotations": {"org.opencontainers.image.ref.name": TAG},
    }
    index: dict[str, Any] = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}
    (folder / "index.json").write_text(json.dumps(index), encoding="ascii")
    (folder / "oci-layout").write_text(json.dumps({"imageLayoutVersion": "1.0.0"}), encoding="ascii")


def _size(folder: Path, digest: str) -> int:
    """Return a layer's size; of one that is not here nobody asks it, since it is taken from where it is."""
    try:
        return (folder / BLOBS / digest.partition(":")[2]).stat().st_size
    except FileNotFoundError:
        return 0


def _blob(folder: Path, content: bytes) -> str:
    name = hashlib.sha256(content).hexdigest()
    (folder / BLOBS / name).write_bytes(content)
    return name
