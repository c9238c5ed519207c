"""Works out what many robots declare alike once for all of them.

A template's value follows from its text and from the variables that it names, and those that these name. Where all of
them are alike, the value is, too: of a fleet whose robots differ by name and address, most is worked out for the first
one. What may come from elsewhere (a lookup, other hosts' variables, chance) is worked out for each robot.
"""

from __future__ import annotations

import functools
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible.template import is_trusted_as_template
from jinja2 import Environment, TemplateError, nodes

from ..inventory_gate.declaration import Worked
from .evaluation import encrypted, worked_out

# Names by which a template sees more than the variables that it names, and filters whose result is another each time.
ELSEWHERE = frozenset({"hostvars", "vars", "lookup", "query", "q", "now", "undef", "omit"})
CHANCE = frozenset({"random", "shuffle", "password_hash"})
FILES = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)
OPENINGS = ("{{", "{%", "{#", "#jinja2")
SYNTAX = Environment(autoescape=False)  # noqa: S701 - it parses, and renders nothing


class OwnError(Exception):
    """A value is a robot's own, or cannot be told from one that is."""


@dataclass
class SharedValues:
    """What was worked out so far. Values are shared, so nobody may change one."""

    _known: dict[Hashable, Worked] = field(default_factory=dict)

    def worked_out(self, raw: Any, variables: Mapping[str, Any], templar: Any, secret: bool = False) -> Worked:
        """Return the value of ``raw`` for the robot whose ``variables`` the ``templar`` has, or why it has none."""
        try:
            key = (secret, _written(raw), _needed(raw, variables))
        except OwnError:
            return worked_out(raw, templar, secret)
        if key not in self._known:
            self._known[key] = worked_out(raw, templar, secret)
        return self._known[key]


def _needed(raw: Any, variables: Mapping[str, Any]) -> Hashable:
    """Return the variables that ``raw`` comes from, and how each of them is written. Raises `OwnError`."""
    found: dict[str, Hashable] = {}
    left = list(_names(raw))
    while left:
        name = left.pop()
        if name in found:
            continue
        if name in variables:
            found[name] = _written(variables[name])
            left += _names(variables[name])
        else:
            found[name] = None
    return frozenset(found.items())


def _names(raw: Any) -> Iterator[str]:
    for text in _texts(raw):
        if any(opening in text for opening in OPENINGS):
            yield from _named_in(str(text))


def _texts(raw: Any) -> Iterator[str]:
    if isinstance(raw, str):
        yield raw
    elif isinstance(raw, Mapping):
        for key, value in raw.items():
            yield from _texts(key)
            yield from _texts(value)
    elif isinstance(raw, (list, tuple)):
        for value in raw:
            yield from _texts(value)


@functools.lru_cache(maxsize=4096)
def _named_in(text: str) -> frozenset[str]:
    """Return the names of variables in a template. Raises `OwnError` where they are not all that it depends on."""
    if text.startswith("#jinja2"):  # a syntax of its own
        raise OwnError
    try:
        tree = SYNTAX.parse(text)
    except TemplateError as error:
        raise OwnError from error
    names = frozenset(one.name for one in tree.find_all(nodes.Name) if one.ctx == "load")
    used = {one.name.rpartition(".")[2] for one in tree.find_all(nodes.Filter)}
    if names & ELSEWHERE or used & CHANCE or any(tree.find(kind) for kind in FILES):
        raise OwnError
    return names  # with those that the template sets itself: rather too many than too few


def _written(raw: Any) -> Hashable:
    """Return what makes two values alike before they are worked out. Raises `OwnError`."""
    if isinstance(raw, str):
        return str(raw), is_trusted_as_template(raw)
    if raw is None or isinstance(raw, (bool, int, float)):
        return type(raw).__name__, raw
    if encrypted(raw):
        raise OwnError
    if isinstance(raw, Mapping):
        return "mapping", tuple((_written(key), _written(value)) for key, value in raw.items())
    if isinstance(raw, (list, tuple)):
        return "list", tuple(_written(value) for value in raw)
    raise OwnError
