"""Read the roles' own descriptions of their variables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from .declaration import Catalogue, Option

# libyaml's, where it is there, takes a tenth of the time
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
STACK, MODES = "robot_stack", "robot_stack_services_of_modes"


def load(roles: Path) -> Catalogue:
    """Return every variable of the roles in the folder ``roles``."""
    options: dict[str, Option] = {}
    internal: set[str] = set()
    names: set[str] = set()
    modes: dict[str, tuple[str, ...]] = {}
    for specs in sorted(roles.glob("*/meta/argument_specs.yml")):
        role = specs.parents[1]
        names.add(role.name)
        main = _read(specs)["argument_specs"]["main"]
        options.update({name: option(name, role.name, raw) for name, raw in (main.get("options") or {}).items()})
        file = role / "vars" / "main.yml"
        own = _read(file) if file.exists() else {}
        internal.update(own)
        if role.name == STACK:
            modes = {mode: tuple(services) for mode, services in (own.get(MODES) or {}).items()}
    return Catalogue(options, frozenset(internal), frozenset(names), modes)


def joined(own: Catalogue, roles: Iterable[Any]) -> Catalogue:
    """Return ``own`` with what somebody else's ``roles`` (services.specs.Role) describe; the last one wins."""
    options, internal, names = dict(own.options), set(own.internal), set(own.roles)
    for role in roles:
        names.add(role.name)
        described = {name: option(name, role.name, raw, ours=False) for name, raw in role.arguments.items()}
        options.update(described)
        internal |= {*role.variables, *role.defaults} - described.keys()
    return Catalogue(options, frozenset(internal), frozenset(names), own.modes)


def _read(path: Path) -> dict[str, Any]:
    return _parsed(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _parsed(path: Path, _changed: int) -> dict[str, Any]:
    return yaml.load(path.read_text(encoding="utf-8"), Loader=LOADER) or {}  # noqa: S506 (a safe loader)


def option(name: str, role: str, raw: Mapping[str, Any], ours: bool = True) -> Option:
    """Return the variable ``name`` of ``role`` as its argument specification, ``raw``, describes it."""
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
        required=bool(raw.get("required")),
        ours=ours,
    )
