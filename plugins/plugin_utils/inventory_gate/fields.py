"""What a program's parser takes in a field of each kind: with something else it refuses the whole file.

YAML for VictoriaMetrics' programs (a text may be any scalar) and JSON for the engine (a text is a text).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Callable

from .declaration import Secret, show

Fields = Mapping[str, str]  # name -> kind, one of KINDS

# metricsql's DurationValue: seconds, or numbers with units, one behind the other; M would be a million.
_NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?"
DURATION = re.compile(rf"(-?[0-9]+(\.[0-9]*)?([mM][sS]|[msShHdDwWyYiI]))+|{_NUMBER}")
SIZE = re.compile(rf"({_NUMBER}((?i:[KMGT]i?B))?)?")


def _is_plain(value: Any) -> bool:
    return not isinstance(value, (Mapping, list, tuple))


def _is_list(value: Any, of: Callable[[Any], bool]) -> bool:
    return isinstance(value, (list, tuple)) and all(one is None or of(one) for one in value)


def _is_mapping(value: Any, of: Callable[[Any], bool]) -> bool:
    return isinstance(value, Mapping) and all(one is None or of(one) for one in value.values())


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_text(value: Any) -> bool:
    return isinstance(value, (str, Secret))


def _is_header(value: Any) -> bool:
    return isinstance(value, Secret) or (_is_plain(value) and (not value or ":" in str(value)))


def _is_any_mapping(value: Any) -> bool:
    return isinstance(value, Mapping)


# Each kind: whether a value is of it, and what it is in words.
KINDS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "scalar": (_is_plain, "a text"),
    "truth": (lambda value: isinstance(value, bool), "true or false, without quotes"),
    "number": (_is_number, "a number, without quotes"),
    "count": (lambda value: _is_number(value) and value >= 0, "a number of at least 0, without quotes"),
    "duration": (lambda value: bool(DURATION.fullmatch(str(value))), "a duration with its unit, such as 30s or 5m"),
    "size": (lambda value: bool(SIZE.fullmatch(str(value))), "a size in bytes, or with its unit such as 16MiB"),
    "scalars": (lambda value: _is_list(value, _is_plain), "a list of texts"),
    "scalar or scalars": (lambda value: _is_plain(value) or _is_list(value, _is_plain), "a text or a list of texts"),
    "headers": (lambda value: _is_list(value, _is_header), 'a list of texts such as "X-Name: value"'),
    "named scalars": (lambda value: _is_mapping(value, _is_plain), "names with a text each"),
    "named lists": (
        lambda value: _is_mapping(value, lambda one: _is_list(one, _is_plain)),
        "names with a list of texts each",
    ),
    "mapping": (_is_any_mapping, "a mapping"),
    "mappings": (lambda value: _is_list(value, _is_any_mapping), "a list of mappings"),
    "text": (_is_text, "a text, in quotes"),
    "texts": (lambda value: _is_list(value, _is_text), "a list of texts, in quotes"),
    "named texts": (lambda value: _is_mapping(value, _is_text), "names with a text in quotes each"),
    "any": (lambda _value: True, ""),
}
SHOWN = ("truth", "number", "count", "duration", "size")  # in others there may be a secret


def wrong(kind: str, value: Any) -> str:
    """Return what a field of this ``kind`` takes where that is not ``value``; "": it takes it, as it takes none."""
    takes, words = KINDS[kind]
    return "" if value is None or isinstance(value, Secret) or takes(value) else words


def check(fields: Fields, found: Mapping[Any, Any]) -> Iterator[str]:
    """Return of each field of ``found`` that is of another kind than its own why it is refused; of others nothing."""
    for name, value in found.items():
        kind = fields.get(name, "any") if isinstance(name, str) else "any"
        words = wrong(kind, value)
        if words:
            shown = f"is {show(value)}, and " if kind in SHOWN else ""
            yield f"{name} {shown}takes {words}"


def unknown(fields: Fields, found: Mapping[Any, Any]) -> list[str]:
    """Return the names of ``found`` that are none of the ``fields``."""
    return [str(name) for name in found if name not in fields]
