"""What a service's spec says of its image, as the controller's engine needs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..images.recipe import Recipe
from .files import FileMissingError
from .roles import file_of


def recipe_of(image: Mapping[str, Any], where: Sequence[Path]) -> Recipe | None:
    """Return what ``image`` is built from; None: it is pulled. Raise FileMissingError without its context."""
    context = str(image.get("context") or "")
    if not context:
        return None
    folder = file_of(context, "files", where)
    if folder is None or not (folder / "Dockerfile").is_file():
        looked = ", ".join(str(path) for path in dict.fromkeys(where))
        raise FileMissingError(
            f"no role or collection has {context} with a Dockerfile below its files; roles are in {looked}"
        )
    return Recipe.of({**image, "context": folder})
