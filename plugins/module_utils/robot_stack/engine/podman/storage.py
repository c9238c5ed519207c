"""What a storage of Podman's holds, by its own lists: no program is started, whoever's it is, and it need not be there.

Source of the forms: https://github.com/containers/storage (containers.go, images.go), Podman's runtime.go
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...base import strangers
from ..fields import part, parts, text, texts

LISTS = {"containers": "*-containers/*containers.json", "images": "*-images/images.json"}


def held(folder: Path) -> list[str]:
    """Return the names of what people would miss, sorted: containers, volumes, images, secrets, artifacts.

    What cannot be read is taken for something; an image without a name, for nothing.
    """
    volumes = [one for one in strangers.names_in(folder / "volumes") if _holds_any(folder / "volumes" / one)]
    return sorted([*_listed(folder, "containers"), *_listed(folder, "images"), *volumes, *unlisted(folder)])


def unlisted(folder: Path) -> list[str]:
    """Return the names of secrets and artifacts, which the questions for containers, volumes and images leave out."""
    secrets = _in(folder / "secrets/secrets.json", lambda raw: list(part(raw, "secrets")))
    artifacts = _in(
        folder / "artifacts/index.json", lambda raw: [text(one, "digest") for one in parts(raw, "manifests")]
    )
    return sorted([f"secret {name}" for name in secrets] + [f"artifact {name}" for name in artifacts])


def _holds_any(volume: Path) -> bool:
    """Whether there is anything in a volume that anybody would miss."""
    return bool(strangers.names_in(volume / "_data"))


def _listed(folder: Path, what: str) -> Iterator[str]:
    for path in sorted(folder.glob(LISTS[what])):
        yield from _in(path, lambda raw: [name for one in parts({what: raw}, what) for name in _names(one, what)])


def _names(raw: Any, what: str) -> list[str]:
    names = texts(raw, "names")
    return names if what == "images" else (names or [text(raw, "id")])[:1]


def _in(path: Path, names: Any) -> list[str]:
    """Return the ``names`` in what a file's JSON says; the file's path where that cannot be read."""
    try:
        content = strangers.text(path)
        return names(json.loads(content)) if content else []
    except (strangers.UnreadableError, ValueError, RecursionError):
        return [str(path)]
