"""How images come to a robot: archives without the layers that it has, or a pull that is pinned by digest.

Nothing is replaced before the image is there and is the one that was asked for. An engine that takes no archive with
layers left out (one that keeps images in containerd's store) is sent the whole one.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..spec.model import Registry
from ..spec.needs import ImageNeed, Need, PackagesNeed
from . import staging
from .protocol import Engine, EngineError, FoundImage
from .staging import Archive

NO_ROOM = "no space left on device"  # every engine says so in the kernel's words
SHORT = 16  # hex digits of a layer's digest: enough to tell layers apart, few bytes on the wire


class ThinArchiveRefusedError(RuntimeError):
    """The engine did not take an archive in which layers were left out."""


def completed(needs: Sequence[Need], engine: Engine, root: Path) -> list[Need]:
    """Return ``needs`` with what lets the controller send little: the layers of images here, and what has arrived."""
    wants_images = any(isinstance(need, ImageNeed) for need in needs)
    chains = tuple(tuple(chain) for chain in layer_chains(engine)) if wants_images and engine.reachable() else ()
    staged = tuple(staging.listed(root))
    found: list[Need] = []
    for need in needs:
        if isinstance(need, ImageNeed):
            found.append(replace(need, chains=chains, staged=staged))
        else:
            found.append(replace(need, staged=staged) if isinstance(need, PackagesNeed) else need)
    return found


def layer_chains(engine: Engine) -> list[list[str]]:
    """Return the layers of every image here, lowest first, shortened; none where the engine wants whole archives."""
    if not engine.info().takes_thin_archives:
        return []
    chains = []
    for identity in engine.image_ids():
        image = engine.image(identity)
        chains.append([layer.partition(":")[2][:SHORT] for layer in (image.layers if image else [])])
    return sorted({tuple(chain): chain for chain in chains if chain}.values())


def load(engine: Engine, filesystem: Path, archive: Archive, reference: str, wanted: str) -> None:
    """Load an archive whose digest was checked, and remove it.

    Afterwards ``reference`` is the image of fingerprint ``wanted``, or it is what it was before and this raises
    `ThinArchiveRefusedError` or `EngineError`.
    """
    path = filesystem / archive.path.lstrip("/")
    before = engine.image(reference)
    try:
        engine.load(path)
        after = engine.image(reference)
        if after is None or after.fingerprint != wanted:
            _put_back(engine, reference, before, after)
            raise EngineError(500, f"after loading, {reference} is not the image that the controller sent")
    except EngineError as error:
        if error.status == 0:  # the engine itself went away: the archive is good, and is loaded by the next run
            raise
        path.unlink()
        if archive.left_out and NO_ROOM not in str(error).lower():  # the whole one would need more room still
            raise ThinArchiveRefusedError(str(error)) from error
        raise
    _settle()
    path.unlink()


def _settle() -> None:
    """Wait until what an engine has stored is on the disk.

    containers/storage syncs its lists of layers and not their files: after a power cut soon afterwards an image would
    count as there, and be broken.
    """
    os.sync()


def _put_back(engine: Engine, reference: str, before: FoundImage | None, after: FoundImage | None) -> None:
    """Take the name off an image that is not the one asked for, so that it never gets used."""
    if before is not None:
        with contextlib.suppress(EngineError):  # the old image may have gone with its name
            engine.tag(before.id, reference)
    elif after is not None:
        engine.remove_image(reference)


def pull(engine: Engine, reference: str, registry: Registry) -> None:
    """Pull ``reference`` (NAME@sha256:HEX), which the engine checks against its digest."""
    engine.pull(reference, registry.username, registry.password)
    if engine.image(reference) is None:
        raise EngineError(0, f"after pulling, the engine does not have {reference}")
    _settle()
