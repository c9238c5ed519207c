"""What dpkg says of its packages: which are installed, and which of them need which. Pure, but for reading its list."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from pathlib import Path

NEEDS = ("Depends", "Pre-Depends")
NAME = re.compile(r"\s*([a-z0-9][a-z0-9+.-]+)")


def bare(word: str) -> str:
    """Return the name in what apt takes for one: NAME, NAME=VERSION, NAME/RELEASE or NAME:ARCHITECTURE."""
    return re.split("[=/:]", word, maxsplit=1)[0]


@dataclass(frozen=True)
class Package:
    """An installed package. Each of ``needs`` is met by any one of its names; ``provides`` are further names of it."""

    name: str
    needs: tuple[tuple[str, ...], ...] = ()
    provides: tuple[str, ...] = ()


def installed(status: Path) -> dict[str, Package]:
    """Return the installed packages by name; one that is on hold is installed. Raises OSError."""
    found = (_package(fields) for fields in _stanzas(status) if fields.get("Status", "").split()[2:] == ["installed"])
    return {package.name: package for package in found}


def _stanzas(status: Path) -> Iterator[dict[str, str]]:
    wanted = ("Package", "Status", "Provides", *NEEDS)
    fields: dict[str, str] = {}
    with status.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            key, colon, value = line.partition(":")
            if not line.strip():
                yield fields
                fields = {}
            elif colon and key in wanted:
                fields[key] = value.strip()
    yield fields


def _package(fields: Mapping[str, str]) -> Package:
    needs = [_alternatives(one) for key in NEEDS for one in fields.get(key, "").split(",") if one.strip()]
    provided = [name for one in fields.get("Provides", "").split(",") for name in _alternatives(one)]
    return Package(fields.get("Package", ""), tuple(needs), tuple(provided))


def _alternatives(words: str) -> tuple[str, ...]:
    """Return the names in `a (>= 1) | b:any`."""
    return tuple(found[1] for found in map(NAME.match, words.split("|")) if found)


def needing(names: Iterable[str], known: Mapping[str, Package]) -> list[str]:
    """Return the packages that need one of ``names`` and nothing else would do, sorted; what those brought left out."""
    gone = set(names)
    came, ask = set(gone), list(gone)
    while ask:
        package = known.get(ask.pop(), Package(""))
        more = {name for alternatives in package.needs for name in alternatives} - came
        came |= more
        ask += more
    staying = {name for one in known.values() if one.name not in gone for name in (one.name, *one.provides)}
    return sorted(name for name, one in known.items() if name not in came and _breaks(one, gone, staying))


def _breaks(package: Package, gone: Set[str], staying: Set[str]) -> bool:
    return any(gone & set(needed) and not staying & set(needed) for needed in package.needs)
