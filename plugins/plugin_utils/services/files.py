"""A service's files name templates and static files of its role; on the controller they become content."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .roles import file_of


class FileMissingError(RuntimeError):
    """A service names a file that no role has."""


def rendered(
    files: Sequence[Mapping[str, Any]], roles: Sequence[Path], render: Callable[[Path], str]
) -> list[dict[str, Any]]:
    """Return ``files`` with every `template` and `src` ("ROLE/path") replaced by `content`.

    In the content of a `src`, each word of `replace` is exchanged: one file of a role becomes several of a service.
    """
    return [_one(dict(file), roles, render) for file in files]


def _one(file: dict[str, Any], roles: Sequence[Path], render: Callable[[Path], str]) -> dict[str, Any]:
    template, source = file.pop("template", None), file.pop("src", None)
    replacements: Mapping[str, str] = file.pop("replace", {})
    if template:
        file["content"] = render(_find(str(template), "templates", roles))
    elif source:
        file["content"] = _find(str(source), "files", roles).read_text(encoding="utf-8")
        for word, text in replacements.items():
            file["content"] = file["content"].replace(word, text)
    return file


def _find(name: str, kind: str, roles: Sequence[Path]) -> Path:
    found = file_of(name, kind, roles)
    if found is not None and found.is_file():
        return found
    role, _, rest = name.partition("/")
    raise FileMissingError(f"no role has {role}/{kind}/{rest}; looked in {', '.join(str(folder) for folder in roles)}")
