"""Whose a user or group number is on this robot, and where people keep their own. Reading only."""

from __future__ import annotations

import grp
import pwd
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from ..base import strangers
from ..base.roots import Roots

FILES = {"user": "/etc/passwd", "group": "/etc/group"}
RANGES = ("/etc/subuid", "/etc/subgid")
HOMES = "/home"


@dataclass(frozen=True)
class Holders:
    """Who has a number, by number: as a user, as a group, or given to that user's containers."""

    users: Mapping[int, str] = field(default_factory=dict)
    groups: Mapping[int, str] = field(default_factory=dict)
    delegated: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Person:
    """An account with a folder of its own, at the robot's absolute path ``home``."""

    name: str
    number: int
    home: str


def people(roots: Roots) -> list[Person]:
    """Return the accounts that this robot lists, and those that have a folder in /home and are listed elsewhere."""
    found: dict[str, Person] = {}
    for line in _lines(FILES["user"], roots):
        name, _, rest = line.partition(":")
        words = rest.split(":")
        if len(words) > 4 and words[1].isdigit() and words[4].startswith("/") and words[4].strip("/"):
            found.setdefault(words[4].rstrip("/"), Person(name, int(words[1]), words[4].rstrip("/")))
    for name in strangers.names_in(roots.path(HOMES)):
        with suppress(OSError):
            number = roots.path(f"{HOMES}/{name}").lstat().st_uid
            found.setdefault(f"{HOMES}/{name}", Person(name, number, f"{HOMES}/{name}"))
    return list(found.values())


def holders(owners: Sequence[tuple[int, int]], roots: Roots) -> Holders:
    """Return who has the numbers of ``owners`` (user, group) on this robot."""
    uids, gids = ({owner[which] for owner in owners} for which in (0, 1))
    return Holders(_names("user", uids, roots), _names("group", gids, roots), _delegated(uids | gids, roots))


def _names(kind: str, numbers: Iterable[int], roots: Roots) -> dict[int, str]:
    """Return the name that each of the ``numbers`` has as a ``kind`` ("user", "group"); those without one are left out.

    Names that come over a network are asked for as well, where this is the machine that runs this.
    """
    listed = _listed(FILES[kind], roots)
    found = {}
    for number in numbers:
        name = listed.get(number) or (_known(kind, number) if str(roots.filesystem) == "/" else "")
        if name:
            found[number] = name
    return found


def _delegated(numbers: Collection[int], roots: Roots) -> dict[int, str]:
    """Return to whose containers each of the ``numbers`` was given (/etc/subuid, /etc/subgid); others are left out."""
    found = {}
    for path in RANGES:
        for line in _lines(path, roots):
            name, *words = line.split(":")
            if len(words) == 2 and all(word.isdigit() for word in words):
                first, size = map(int, words)
                found.update({number: name for number in numbers if first <= number < first + size})
    return found


def _listed(path: str, roots: Roots) -> dict[int, str]:
    found: dict[int, str] = {}
    for line in _lines(path, roots):
        name, _, rest = line.partition(":")
        number = rest.split(":")[1:2]
        if number and number[0].isdigit():
            found.setdefault(int(number[0]), name)
    return found


def _known(kind: str, number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name if kind == "user" else grp.getgrgid(number).gr_name
    except (KeyError, OSError):
        return ""


def _lines(path: str, roots: Roots) -> list[str]:
    try:
        return roots.path(path).read_text(errors="replace").splitlines()
    except OSError:
        return []
