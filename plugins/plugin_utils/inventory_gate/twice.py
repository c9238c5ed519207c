"""Keys that stand twice in one mapping of a file: Ansible takes the last one, and warns at most."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Callable

import yaml

from . import origin
from .catalogue import LOADER
from .declaration import Fault

Twice = tuple[str, int, int]  # a key, its first line and the next
SUFFIXES = (".yml", ".yaml", ".json")
REMEDY = "delete one of the two lines"
MERGE = "tag:yaml.org,2002:merge"  # <<, which may stand there for each mapping that is merged
WHY = "it stands twice in one mapping, first in line {first}: only the last one would count"


def check(robot: str, files: Iterable[str], read: Callable[[str], str]) -> list[Fault]:
    """Return the keys that stand twice in one of the ``files`` in which the variables of ``robot`` are.

    ``read`` returns a file's text, also of one that is in the vault.
    """
    return [_fault(robot, found, origin.shown(Path(path))) for path in files for found in of_file(path, read)]


def check_texts(robot: str, texts: Iterable[str]) -> list[Fault]:
    """Return the keys that stand twice in one of the ``texts`` of a command line (-e)."""
    return [_fault(robot, found, "-e") for text in texts if text.lstrip()[:1] == "{" for found in of_text(text)]


def _fault(robot: str, found: Twice, where: str) -> Fault:
    key, first, line = found
    return Fault(robot, key, "(twice)", WHY.format(first=first), REMEDY, f"{where}:{line}")


_KNOWN: dict[tuple[str, int], tuple[Twice, ...]] = {}  # as long as a file does not change


def of_file(path: str, read: Callable[[str], str]) -> tuple[Twice, ...]:
    """Return the keys that stand twice in a file of YAML or JSON, each with the lines of both."""
    if not path.endswith(SUFFIXES):
        return ()
    try:
        known = path, Path(path).stat().st_mtime_ns
    except OSError:
        return ()
    if known not in _KNOWN:
        _KNOWN[known] = of_text(read(path))
    return _KNOWN[known]


def of_text(text: str) -> tuple[Twice, ...]:
    """Return the keys that stand twice in ``text``; what is no YAML, or in the vault as a whole, has none."""
    try:
        # as bytes: the parser wants a plain text, and Ansible's have marks
        documents = list(yaml.compose_all(text.encode(), Loader=LOADER))
    except (yaml.YAMLError, ValueError):
        return ()  # told by whoever reads it
    seen: set[int] = set()
    return tuple(found for document in documents if document is not None for found in _of_node(document, seen))


def _of_node(node: Any, seen: set[int]) -> Iterator[Twice]:
    """An alias is the node that it names, once more."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _of_node(item, seen)
    elif isinstance(node, yaml.MappingNode):
        lines: dict[Any, int] = {}
        for key, value in node.value:
            name = (key.tag, key.value) if isinstance(key, yaml.ScalarNode) else id(key)
            line = key.start_mark.line + 1
            if name in lines and key.tag != MERGE:
                yield str(key.value), lines[name], line
            lines[name] = line
            yield from _of_node(value, seen)
