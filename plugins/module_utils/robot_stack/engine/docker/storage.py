"""What a folder of Docker's holds, by its own lists: nobody is asked, whoever's it is, and no engine need be there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ...base import strangers
from ..fields import part, text


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
