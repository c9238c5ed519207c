"""How a file of ours that outlives a version is read: bounded, checked, and never taken for "nothing there".

`format` is the number of the version that wrote it; yesterday's files have none. A reader takes another version's file
as far as it can: it ignores keys that it does not know, and gives those that are gone their defaults. A version that
changes what a key means writes `least_format`: readers of an earlier one leave the whole file alone.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

FORMAT = 1
LEAST = "least_format"
ASIDE = ".unreadable-"
KEPT_ASIDE = 3
MOST_TOLD = 5  # problems of one file; what is wrong with it as a whole is plain by then
LONGEST_TEXT = 10_000
LARGEST_NUMBER = 1e15
DEEPEST = 64  # objects and lists inside of each other
WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True)
class Content:
    """A file's JSON and the digest of its bytes. `raw` is None where there is none; `problem` says why it is no use."""

    there: bool = False
    raw: Any = None
    problem: str = ""
    digest: str = ""


@dataclass(frozen=True)
class Problem:
    """What of the file ``name`` could not be believed, in words that follow its path."""

    name: str
    words: str


def read(path: Path, largest: int) -> Content:
    """Read ``path``, of at most ``largest`` bytes. Never raises: what speaks against the file is its `problem`."""
    try:
        # a link would lead elsewhere, and opening a pipe would wait for ever
        handle = os.open(str(path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return Content()
    except OSError as error:
        return Content(True, problem=f"cannot be opened ({error.strerror})")
    try:
        why, content = _distrusted(os.fstat(handle)), b""
        if not why:
            with os.fdopen(handle, "rb", closefd=False) as stream:
                content = stream.read(largest + 1)
    except OSError as error:
        return Content(True, problem=f"cannot be read ({error.strerror})")
    finally:
        os.close(handle)
    if not why and len(content) > largest:
        why = f"is larger than {largest // 1024} KiB"
    return Content(True, problem=why) if why else _parsed(content)


def _distrusted(status: os.stat_result) -> str:
    if not stat.S_ISREG(status.st_mode):
        return "is no regular file"
    if status.st_uid not in (0, os.geteuid()):
        return f"belongs to user {status.st_uid}, not to root"
    if status.st_mode & WRITABLE_BY_OTHERS:
        return f"may be written by others than root (mode {stat.S_IMODE(status.st_mode):04o})"
    return ""


def _parsed(content: bytes) -> Content:
    digest = hashlib.sha256(content).hexdigest()
    if not content.strip():
        return Content(True, problem="is empty", digest=digest)
    try:
        raw = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError):
        return Content(True, problem="is not JSON", digest=digest)
    if _deep(raw):
        return Content(True, problem="is nested too deeply", digest=digest)
    return Content(True, raw, digest=digest)


def _deep(raw: Any) -> bool:
    level = [raw] if isinstance(raw, (dict, list)) else []
    for _ in range(DEEPEST):
        inside = [value.values() if isinstance(value, dict) else value for value in level]
        level = [one for values in inside for one in values if isinstance(one, (dict, list))]
        if not level:
            return False
    return True


def opened(content: Content, problems: list[str]) -> Fields | None:
    """Return the fields of a file that holds an object; None: no file, or one that is no use, which is noted."""
    why = content.problem
    if content.there and not why:
        raw = content.raw
        why = too_new(raw) if isinstance(raw, dict) else f"holds {_kind(raw)}, not an object"
    if why:
        problems.append(why)
    return None if why or not content.there else Fields(content.raw, "", problems)


def too_new(raw: Mapping[str, Any], known: int = FORMAT) -> str:
    """Return why a file's object means something else than this version, which knows format ``known``, would read."""
    least: Any = raw.get(LEAST)
    if not is_number(least) or least <= known:
        return ""
    return (
        f"can be read from format {least} on, and this version knows {known}: a newer version of this project wrote it"
    )


class Fields:
    """The fields of one JSON object. One of a wrong type is noted in ``problems``, and has its default."""

    def __init__(self, raw: Mapping[str, Any], place: str, problems: list[str]) -> None:
        """``place`` is where the object is in its file, for people."""
        self.raw, self._place, self._problems = raw, place, problems

    def _take(self, key: str, default: Any, wanted: str, fits: Callable[[Any], bool]) -> Any:
        value = self.raw.get(key, default)
        if key not in self.raw or fits(value):
            return value
        self.wrong(key, f"is {_kind(value)}, not {wanted}")
        return default

    def wrong(self, key: str, words: str) -> None:
        """Note that the field ``key`` is left out, and why."""
        self._problems.append(f"{self._place}{_shown(key)} {words}")

    def number(self, key: str, default: float = 0.0) -> float:
        """Return a number from 0 on."""
        value: float = self._take(key, default, "a number from 0 on", is_number)
        return value

    def count(self, key: str, default: int = 0) -> int:
        """Return a whole number from 0 on."""
        return int(self._take(key, default, "a whole number from 0 on", lambda v: is_number(v) and v == int(v)))

    def flag(self, key: str) -> bool:
        """Return whether ``key`` is true; false where it is not there."""
        found: bool = self._take(key, False, "true or false", lambda value: isinstance(value, bool))
        return found

    def text(self, key: str, default: str = "") -> str:
        """Return a text."""
        value: str = self._take(key, default, "text", is_text)
        return value

    def entries(self, key: str) -> list[Any]:
        """Return a list of anything."""
        return list(self._take(key, [], "a list", lambda v: isinstance(v, list)))

    def texts(self, key: str) -> list[str]:
        """Return a list of texts; what else is in it is left out."""
        return [value for value in self.entries(key) if self._fits(key, value, is_text(value), "text")]

    def mapping(self, key: str) -> dict[str, Any]:
        """Return an object of anything whose names are texts."""
        found: dict[str, Any] = self._take(key, {}, "an object", lambda v: isinstance(v, dict))
        return {name: value for name, value in found.items() if self._fits(key, name, is_text(name), "a short name")}

    def inside(self, key: str) -> Fields:
        """Return the fields of the object ``key``."""
        return Fields(self.mapping(key), f"{self._place}{key}.", self._problems)

    def objects(self, key: str) -> dict[str, Fields]:
        """Return an object's objects by name; what else is in it is left out."""
        return {
            name: Fields(value, f"{self._place}{key}.{_shown(name)}.", self._problems)
            for name, value in self.mapping(key).items()
            if self._fits(f"{key}.{name}", value, isinstance(value, dict), "an object")
        }

    def _fits(self, key: str, value: Any, fits: bool, wanted: str) -> bool:
        if not fits:
            self.wrong(key, f"has {_kind(value)}, not {wanted}")
        return fits


def is_text(value: Any) -> bool:
    """Whether a value is a text that can be written, of bounded length."""
    if not isinstance(value, str) or len(value) > LONGEST_TEXT:
        return False
    return value.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in value)


def is_number(value: Any) -> bool:
    """Whether a value is a number from 0 on, of a size that sums and dates can take."""
    plain = isinstance(value, (int, float)) and not isinstance(value, bool)
    return plain and 0 <= value <= LARGEST_NUMBER


def _kind(value: Any) -> str:
    names = {bool: "true or false", str: "text", list: "a list", dict: "an object", type(None): "nothing"}
    return names.get(type(value), f"{value:.4g}" if isinstance(value, float) else "a number")


def _shown(key: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in key[:60])


def told(name: str, problems: list[str]) -> list[Problem]:
    """Return what is to be said of the file ``name``: each problem, the first ones of many."""
    more = [f"has {len(problems) - MOST_TOLD} more of these"] if len(problems) > MOST_TOLD else []
    return [Problem(name, words) for words in [*problems[:MOST_TOLD], *more]]


def set_aside(path: Path, now: float) -> str:
    """Rename a file that could not be read, keep the last few, readable by root alone; return its new name.

    ``now`` is in seconds since 1970. Raises OSError.
    """
    target = path.with_name(path.name + ASIDE + time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now)))
    _drop(target)
    path.rename(target)
    with suppress(OSError):
        os.chown(target, os.geteuid(), os.getegid(), follow_symlinks=False)
        if not target.is_symlink():
            target.chmod(0o700 if target.is_dir() else 0o600)
    for name in aside(path.parent, path.name)[:-KEPT_ASIDE]:
        _drop(path.with_name(name))
    return target.name


def aside(root: Path, name: str) -> list[str]:
    """Return the names of what was set aside of the file ``name``, the oldest first."""
    return sorted(path.name for path in root.glob(f"{name}{ASIDE}*"))


def _drop(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
