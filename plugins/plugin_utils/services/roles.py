"""Where roles are: those of this collection, of other collections, and of the operator's own folders."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ansible import constants

from .. import collection


def folders(variables: dict[str, Any]) -> list[Path]:
    """Return where roles without a collection's name are looked for: as Ansible does, with our own before them."""
    playbook = [Path(str(variables["playbook_dir"])) / "roles"] if variables.get("playbook_dir") else []
    return [collection.ROLES, *playbook, *(Path(path) for path in constants.DEFAULT_ROLES_PATH)]


def find(name: str, where: Sequence[Path]) -> Path | None:
    """Return the folder of role ``name`` (ROLE, or NAMESPACE.COLLECTION.ROLE), None where there is none."""
    owner, _, role = name.rpartition(".")
    places = [path / "roles" for path in of_collection(owner)] if owner else where
    return next((folder / role for folder in places if (folder / role).is_dir()), None)


def file_of(name: str, kind: str, where: Sequence[Path]) -> Path | None:
    """Return what "OWNER/path" names; OWNER is a role, whose folder ``kind`` it is in, or a collection: its files/."""
    owner, _, rest = name.partition("/")
    if owner.count(".") == 1:
        places = [path / "files" for path in of_collection(owner)]
    else:
        role = find(owner, where)
        places = [role / kind] if role is not None else []
    return next((place / rest for place in places if (place / rest).exists()), None)


def of_collection(name: str) -> list[Path]:
    """Return the folder of a collection; Ansible has told Python where collections are."""
    try:
        return [Path(path) for path in importlib.import_module(f"ansible_collections.{name}").__path__]
    except ImportError:
        return []
