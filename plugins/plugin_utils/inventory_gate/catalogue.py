"""Read the roles' own descriptions of their variables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from .declaration import Catalogue, Option


def load(roles: Path) -> Catalogue:
    """Return every variable of the roles in the folder ``roles``."""
    options: dict[str, Option] = {}
    internal: set[str] = set()
    names: set[str] = set()
    for specs in sorted(roles.glob("*/meta/argument_specs.yml")):
        role = specs.parents[1]
        names.add(role.name)
        main = _read(specs)["argument_specs"]["main"]
        options.update({name: _option(name, role.name, raw) for name, raw in (main.get("options") or {}).items()})
        own = role / "vars" / "main.yml"
        internal.update(_read(own) if own.exists() else ())
    return Catalogue(options, frozenset(internal), frozenset(names))


def _read(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8")) or {}


def _option(name: str, role: str, raw: dict[str, Any]) -> Option:
    description = raw.get("description", "")
    return Option(
        name=name,
        role=role,
        type=raw.get("type", "str"),
        elements=raw.get("elements"),
        choices=tuple(raw.get("choices") or ()),
        secret=bool(raw.get("no_log")),
        description=description if isinstance(description, str) else " ".join(description),
        default=raw.get("default"),
    )
