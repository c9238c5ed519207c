"""What a folder of Docker's holds, by its own lists: nobody is asked, whoever's it is, and no engine need be there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...base import strangers
from ...base.roots import Roots
from ..fields import part, text
from ..protocol import EngineInfo


def held(folder: Path) -> list[str]:
    """Return the names of what people would miss, sorted: containers, volumes and images that have a name.

    What cannot be read is taken for something. Images in containerd's store are in none of these lists.
    """
    # an empty one is nobody's loss, and left by each container whose image asks for one
    volumes = [
        one for one in strangers.names_in(folder / "volumes") if strangers.names_in(folder / "volumes" / one / "_data")
    ]
    containers = [_container(folder / "containers" / one) for one in strangers.names_in(folder / "containers")]
    images = [name for path in sorted(folder.glob("image/*/repositories.json")) for name in _images(path)]
    return sorted([*containers, *volumes, *images])


def another(settings: Mapping[str, Any], now: EngineInfo, usual: str, roots: Roots) -> list[str]:
    """Return those of an engine's ``settings`` by which it would not find what it has stored ``now``, as NAME VALUE.

    ``usual`` is where it stores by default. Whoever has users remapped has a store of its own, below the usual one.
    """
    found = []
    root = str(settings.get("data-root") or usual)
    remaps = bool(settings.get("userns-remap"))
    here = now.store.rpartition("/")[0] if now.remaps_users else now.store
    if roots.real(root) != roots.real(here):
        found.append(f"data-root {root}")
    if remaps != now.remaps_users:
        found.append(f"userns-remap {settings.get('userns-remap') or 'unset'}")
    driver = settings.get("storage-driver")
    if driver and now.layers_by not in ("", driver) and now.takes_thin_archives:
        found.append(f"storage-driver {driver}")
    wanted = part(settings, "features").get("containerd-snapshotter")
    if isinstance(wanted, bool) and wanted == now.takes_thin_archives:
        found.append(f"containerd-snapshotter {str(wanted).lower()}")
    return found


def _container(folder: Path) -> str:
    """Return a container's name, or its id where that cannot be told."""
    raw = _json(folder / "config.v2.json")
    return (text(raw, "Name").lstrip("/") if isinstance(raw, dict) else "") or folder.name


def _images(path: Path) -> list[str]:
    raw = _json(path)
    if raw is None:
        return [str(path)]
    repositories = part(raw, "Repositories")
    return [name for one in repositories for name in part(repositories, one) if "@" not in name]


def _json(path: Path) -> Any:
    """Return what a file says, None where it cannot be read."""
    try:
        return json.loads(strangers.text(path) or "null")
    except (strangers.UnreadableError, ValueError, RecursionError):
        return None
