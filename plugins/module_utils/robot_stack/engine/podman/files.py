"""Where the units of containers are: what systemd shall start in Quadlet's folder, what rests beside it.

A unit in Quadlet's folder is started at boot. One that is stopped on purpose, was never started, or was set aside for
another lies in a folder that Quadlet does not read, and systemd knows nothing of it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ...base.files import DesiredFile, make_folders, write
from ...base.roots import Roots
from ...host.systemd import SET_BY_HAND, UNITS
from ..protocol import PREFIX, EngineError
from . import quadlet
from .quadlet import Unit

ABOVE = "/etc/containers"
ACTIVE, RESTING = f"{ABOVE}/systemd", f"{ABOVE}/robot-stack"
TEMPORARY = "/run/containers/systemd"  # a file in there counts before one of the same name in ACTIVE
READ = (TEMPORARY, ACTIVE, "/usr/share/containers/systemd")  # by Quadlet, in this order
ENDING = ".container"
SAME_SERVICE = ".kube"  # NAME.kube, too, becomes NAME.service
OTHERS = ("*.container", "*.kube", "*.pod")
RUNTIME_UNITS, RUNTIME_SET_BY_HAND = "/run/systemd/system", "/run/systemd/system.control"
LARGEST_BYTES = 256 * 1024


@dataclass(frozen=True)
class Place:
    """The file of a container's unit: `unit` is what it tells, None where it is somebody else's."""

    name: str
    path: str
    active: bool
    unit: Unit | None


def service_unit(name: str) -> str:
    """Return what systemd calls the container ``name``."""
    return f"{name}.service"


def find(name: str, roots: Roots) -> Place | None:
    """Return where the unit of container ``name`` is, None where there is none."""
    for folder in (ACTIVE, RESTING):
        path = f"{folder}/{name}{ENDING}"
        if os.path.lexists(roots.path(path)):
            return Place(name, path, folder == ACTIVE, _read(roots.path(path)))
    return None


def ours(roots: Roots) -> list[Place]:
    """Return the units that bear a name of ours, whoever made them."""
    names = {
        path.name[: -len(ENDING)]
        for folder in (ACTIVE, RESTING)
        for path in roots.path(folder).glob(f"{PREFIX}*{ENDING}")
    }
    return [place for place in (find(name, roots) for name in sorted(names)) if place]


def others(roots: Roots) -> list[str]:
    """Return the names of what else Quadlet shall start."""
    found = {path.stem for folder in READ for pattern in OTHERS for path in roots.path(folder).rglob(pattern)}
    return sorted(name for name in found if not name.startswith(PREFIX))


def _read(path: Path) -> Unit | None:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(handle, encoding="utf-8") as file:
            return quadlet.read(file.read(LARGEST_BYTES))
    except (OSError, ValueError):
        return None


def lay(name: str, content: str, roots: Roots) -> None:
    """Write the unit of a container that shall not run yet. Readable by root alone: it holds its environment."""
    write(DesiredFile(f"{RESTING}/{name}{ENDING}", content, mode=0o600), roots.filesystem)


def move(place: Place, name: str, active: bool, roots: Roots) -> None:
    """Give a unit's file another name or folder, in one step. Raises `EngineError` where there is one already."""
    target = roots.path(f"{ACTIVE if active else RESTING}/{name}{ENDING}")
    if os.path.lexists(target):
        raise EngineError(409, f"{target} is there already")
    make_folders(target.parent)
    roots.path(place.path).rename(target)
    for folder in {target.parent, roots.path(place.path).parent}:
        _sync(folder)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def masks(name: str, roots: Roots) -> list[str]:
    """Return the files that stand in the way of the unit: links to nothing, by which somebody has masked it."""
    paths = [f"{folder}/{service_unit(name)}" for folder in (UNITS, RUNTIME_UNITS)]
    return [path for path in paths if roots.path(path).is_symlink() and _to_nothing(roots.path(path))]


def _to_nothing(link: Path) -> bool:
    with suppress(OSError):
        return str(link.readlink()) == "/dev/null"
    return False


def usurper(name: str, roots: Roots) -> str:
    """Return the file that systemd or Quadlet would take in place of ours, "": there is none."""
    paths = [f"{folder}/{service_unit(name)}" for folder in (UNITS, RUNTIME_UNITS)]
    masked = masks(name, roots)
    units = [path for path in paths if path not in masked and os.path.lexists(roots.path(path))]
    wanted = [(TEMPORARY, ENDING), *((folder, SAME_SERVICE) for folder in READ)]
    return next(iter([*units, *_named_alike(name, wanted, roots)]), "")


def _named_alike(name: str, wanted: Iterable[tuple[str, str]], roots: Roots) -> Iterator[str]:
    """Yield the files ``name`` with an ending in a folder of Quadlet's, which reads the folders below it, too."""
    for folder, ending in wanted:
        top = roots.path(folder)
        for found in sorted(top.rglob(f"{name}{ending}")):
            yield f"{folder}/{found.relative_to(top)}"


def changes(name: str, roots: Roots) -> list[str]:
    """Return the folders in which somebody has changed the unit behind its back (`systemctl edit`, `set-property`)."""
    folders = [f"{top}/{service_unit(name)}.d" for top in (UNITS, RUNTIME_UNITS, SET_BY_HAND, RUNTIME_SET_BY_HAND)]
    folders += [f"{top}/{name}{ENDING}.d" for top in (ACTIVE, TEMPORARY)]
    return [path for path in folders if _holds_anything(roots.path(path))]


def _holds_anything(folder: Path) -> bool:
    with suppress(OSError):
        return any(folder.iterdir())
    return False


def tidy(roots: Roots) -> None:
    """Leave no empty folder of ours behind."""
    with suppress(OSError):
        roots.path(RESTING).rmdir()


def drop_changes(name: str, roots: Roots) -> None:
    """Remove what others have added to the unit of a container: it would count more than the unit."""
    for folder in changes(name, roots):
        shutil.rmtree(roots.path(folder), ignore_errors=True)
