"""What a measured service reads, it reads from the disk and at its own expense: the page cache is empty before."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docker import DockerClient


class SharedError(Exception):
    """A measurement would be wrong: the program's text is in somebody else's memory already."""


def forget_text(engine: DockerClient, image: str) -> None:
    """Drop an image's files from the page cache, so that its next container pays for its own program text.

    Pages are charged to whoever reads them first. Without this a second run would find them there, for nothing.
    Raises SharedError where a running container has the same files mapped: those pages stay.
    """
    own, *below = _layers(engine, image)
    for other in engine.containers.list():
        driver = other.attrs.get("GraphDriver") or {}
        if str(own) in ((driver.get("Data") or {}).get("LowerDir") or "").split(":"):
            raise SharedError(f"{other.name} runs from the same files as {image} and would pay for its program text")
    for layer in (own, *below):
        for path in layer.rglob("*"):
            if path.is_file() and not path.is_symlink():
                forget_file(path)


def _layers(engine: DockerClient, image: str) -> list[Path]:
    """Return the folders of an image's layers, the uppermost first. Raises RuntimeError where there are none."""
    store = engine.images.get(image).attrs["GraphDriver"]
    if store["Name"] != "overlay2":
        raise RuntimeError(f"this needs an engine that stores images with overlay2, not {store['Name']}")
    return [
        Path(layer) for key in ("UpperDir", "LowerDir") for layer in (store["Data"].get(key) or "").split(":") if layer
    ]


def own_text(engine: DockerClient, image: str, to: Path) -> str:
    """Copy an image's program to the file ``to``, which nobody has in memory, and return where a container has it.

    Two containers from one image share its text, and the first of them pays for both. Each one that stands for a
    computer of its own has such a copy mounted in place of the image's.
    """
    entry = engine.images.get(image).attrs["Config"]["Entrypoint"] or []
    inside = entry[0] if entry else ""
    found = [layer / inside.lstrip("/") for layer in _layers(engine, image)] if inside.startswith("/") else []
    program = next((path for path in found if path.is_file() and not path.is_symlink()), None)
    if program is None:
        raise RuntimeError(f"{image} starts {entry}, which is no file of its own that could be copied")
    shutil.copyfile(program, to)
    to.chmod(0o755)
    with to.open("rb") as file:
        os.fsync(file.fileno())
    forget_file(to)
    return str(inside)


def forget_file(path: Path) -> None:
    """Drop one file from the page cache; pages that somebody uses stay."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def copy(data: Path, to: Path) -> None:
    """Copy a database that is at rest: by links, since it never changes a file, and without its caches.

    Its caches do not outlive a container of the product either.
    """
    shutil.copytree(data, to, ignore=shutil.ignore_patterns("cache"), copy_function=os.link)


def cool(folder: Path) -> None:
    """Drop all files below ``folder`` from the page cache: what a service reads again, it reads at its own expense."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
            forget_file(path)
