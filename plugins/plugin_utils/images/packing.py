"""Turns an engine's own archive of an image (docker save) into the blobs of a folder: each layer compressed once.

Engines write their archives in two forms (one directory for each layer, or an OCI layout whose layers may be
compressed already); both have a manifest.json, and what it lists is all that is read.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, cast

from ..whole_file import whole
from .errors import ImageUnavailableError
from .folder import BLOBS, BLOCK, PIECE, ImageFolder, Packed

GZIP_LEVEL = 9  # once for a layer, then sent many times
GZIP_MAGIC = b"\x1f\x8b"
LARGEST_OCTAL = 8**11  # bytes: sizes above are written in another way in a tar


def pack(saved: Path, folder: ImageFolder, reference: str, architecture: str, fingerprint: str) -> Packed:
    """Read the archive ``saved`` into ``folder`` and return the image, not yet listed in the folder's index."""
    (folder.path / BLOBS).mkdir(parents=True, exist_ok=True)
    with tarfile.open(saved) as archive:
        manifest, config = _manifest(archive, architecture, reference)
        digests = tuple(json.loads(config)["rootfs"]["diff_ids"])
        for name, digest in zip(manifest["Layers"], digests):
            if not folder.layer(digest).exists():
                _pack_layer(archive, name, digest, folder.layer(digest))
    identity = "sha256:" + hashlib.sha256(config).hexdigest()
    folder.config(identity).write_bytes(config)
    return Packed(reference, architecture, fingerprint, identity, digests)


def _manifest(archive: tarfile.TarFile, architecture: str, reference: str) -> tuple[Mapping[str, Any], bytes]:
    """Return the manifest's entry for the architecture, and its configuration as it is."""
    for entry in json.loads(_member(archive, "manifest.json").read()):
        config = _member(archive, entry["Config"]).read()
        if json.loads(config).get("architecture") == architecture:
            return entry, config
    raise ImageUnavailableError(f"the engine's archive of {reference} holds nothing for {architecture}")


def _member(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    member = archive.extractfile(name)  # follows the links by which an engine says that two layers are one
    if member is None:
        raise ImageUnavailableError(f"the engine's archive lacks {name}")
    return member


def _pack_layer(archive: tarfile.TarFile, name: str, digest: str, target: Path) -> None:
    plain = target.with_suffix(".plain")
    try:
        with _uncompressed(_member(archive, name)) as stream, plain.open("wb") as copy:
            shutil.copyfileobj(stream, copy, PIECE)
        found = hashlib.sha256()
        size = plain.stat().st_size
        with whole(target) as partial:
            with plain.open("rb") as stream, partial.open("wb") as raw, compressed(raw) as packed:
                packed.write(header(layer_name(digest), size))
                while piece := stream.read(PIECE):
                    found.update(piece)
                    packed.write(piece)
                packed.write(bytes(-size % BLOCK))
            if f"sha256:{found.hexdigest()}" != digest:
                raise ImageUnavailableError(f"a layer of the engine's archive is not {digest}, as it says itself")
    finally:
        plain.unlink(missing_ok=True)


def _uncompressed(stream: IO[bytes]) -> IO[bytes]:
    start = stream.read(len(GZIP_MAGIC))
    stream.seek(0)
    return cast("IO[bytes]", gzip.GzipFile(fileobj=stream)) if start == GZIP_MAGIC else stream


def compressed(raw: IO[bytes]) -> gzip.GzipFile:
    """Return a writer whose output depends on its input alone; several, one after the other, are read as one."""
    return gzip.GzipFile("", "wb", GZIP_LEVEL, cast("Any", raw), mtime=0)


def layer_name(digest: str) -> str:
    """Return a layer's name inside an archive."""
    return f"{digest.partition(':')[2]}/layer.tar"


def header(name: str, size: int) -> bytes:
    """Return the block that stands before a file of ``size`` bytes in a tar."""
    if size >= LARGEST_OCTAL:
        raise ImageUnavailableError(f"a layer of {size} bytes is more than an archive for a robot can hold")
    entry = tarfile.TarInfo(name)
    entry.size = size
    return entry.tobuf(tarfile.USTAR_FORMAT)
