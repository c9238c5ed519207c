"""What people who log in keep with Podman, each in folders of their own: storages without root, units of Quadlet's.

Source of the places: man 5 containers-storage.conf, man 5 podman-systemd.unit
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ...base import strangers
from ...base.roots import Roots
from ...host import accounts
from ...host.accounts import Person
from . import settings, storage

STORAGE = ".local/share/containers/storage"
SETTINGS = f".config/containers/{settings.NAME}"
UNITS = ".config/containers/systemd"


def kept(roots: Roots) -> list[str]:
    """Return the folders in which they keep anything, sorted."""
    return sorted({folder for person in accounts.people(roots) for folder in _kept(person, roots)})


def _kept(person: Person, roots: Roots) -> Iterator[str]:
    for folder in _storages(person, roots):
        if storage.held(roots.path(folder)):
            yield folder
    for folder in (f"{person.home}/{UNITS}", f"/run/user/{person.number}/containers/systemd"):
        if strangers.names_in(roots.path(folder)):
            yield folder


def _storages(person: Person, roots: Roots) -> set[str]:
    """Return where somebody's storage is, or may be."""
    own = settings.in_file("graphroot", roots.path(f"{person.home}/{SETTINGS}"))
    said = [own, settings.of_root("rootless_storage_path", roots)]
    values = {"HOME": person.home, "UID": str(person.number), "USER": person.name}
    expanded = (re.sub(r"\$\{?(HOME|UID|USER)\b\}?", lambda found: values[found[1]], one) for one in said)
    return {f"{person.home}/{STORAGE}", *(one for one in expanded if one.startswith("/"))}
