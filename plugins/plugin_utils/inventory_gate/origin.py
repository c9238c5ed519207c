"""Where a variable's value was written: file and line, as far as Ansible knows."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

try:  # Ansible's own mark on every value that it read; internal, so its absence must not hurt
    from ansible._internal._datatag._tags import Origin
except ImportError:  # pragma: no cover
    Origin = None

SUFFIXES = ("", ".yml", ".yaml")


def of(variable: str, variables: Mapping[str, Any]) -> str:
    """Return the place of ``variable``'s value, such as ``group_vars/robots/memory_budget.yml:7``; empty: unknown."""
    value = variables.get(variable)
    tag = Origin.get_tag(value) if Origin is not None else None
    if tag is None:
        return _of_empty(variable, variables) if value is None else ""
    if not tag.path:
        return str(tag.description or "").strip("<>")
    return _shown(Path(tag.path), tag.line_num)


def outside(variable: str, variables: Mapping[str, Any], folder: Path) -> bool:
    """Whether ``variable``'s value is known to have been written in a file that is not below ``folder``."""
    tag = Origin.get_tag(variables[variable]) if Origin is not None else None
    return bool(tag and tag.path and folder not in Path(tag.path).resolve().parents)


def files(variables: Mapping[str, Any]) -> list[str]:
    """Return the files that have a say in a robot's ``variables``: its own, its groups', and any that Ansible read."""
    tags = (Origin.get_tag(value) for value in variables.values()) if Origin is not None else ()
    read = {str(tag.path) for tag in tags if tag is not None and tag.path}
    inventory = str(variables.get("inventory_file") or "")
    return sorted({*read, *map(str, _files(variables)), *([inventory] if inventory else [])})


def shown(path: Path) -> str:
    """Return a path as a person sees it from here."""
    near = os.path.relpath(path)
    return str(path) if near.startswith("../..") else near


def _shown(path: Path, line: Any) -> str:
    return f"{shown(path)}:{line}" if line else shown(path)


def _of_empty(variable: str, variables: Mapping[str, Any]) -> str:
    """An empty value carries no mark: look for its line where this robot's variables are kept."""
    line = re.compile(rf"^{re.escape(variable)}:\s*(~|null)?\s*(#.*)?$")
    for path in _files(variables):
        for number, text in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
            if line.match(text):
                return _shown(path, number)
    return ""


def _files(variables: Mapping[str, Any]) -> Iterator[Path]:
    """The files of a robot's variables, nearest first: its own, then its groups'."""
    inventory = variables.get("inventory_dir")
    if not inventory:
        return
    places = [Path(inventory) / "host_vars" / str(variables.get("inventory_hostname", ""))]
    groups = [*reversed(variables.get("group_names") or ()), "all"]
    places += [Path(inventory) / "group_vars" / str(group) for group in groups]
    for place in places:
        if place.is_dir():
            yield from sorted(path for path in place.rglob("*") if path.is_file())
        for suffix in SUFFIXES:
            path = place.with_name(place.name + suffix)
            if path.is_file():
                yield path
