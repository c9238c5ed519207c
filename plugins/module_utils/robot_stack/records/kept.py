"""Files of ours that outlive a version of this project: read with suspicion, and never lost.

Each is one JSON object with a number, `format`. A reader takes what it knows of an older or a newer one, and checks the
type of everything. What cannot be read at all is not taken for "nothing there": it is set aside under another name.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

LARGEST_BYTES = 4 << 20  # a robot's are some tens of KiB
ASIDE = ".unreadable-"
MOST_ASIDE = 3

T = TypeVar("T")


@dataclass(frozen=True)
class Kept:
    """What a file holds (None: it is not there, or it cannot be read), and in ``trouble`` why it cannot be read."""

    content: Any = None
    trouble: str = ""


def read(path: Path) -> Kept:
    """Read a file as JSON. No file is no trouble."""
    try:
        with path.open("rb") as stream:
            raw = stream.read(LARGEST_BYTES + 1)
    except FileNotFoundError:
        return Kept()
    except OSError as error:
        return Kept(trouble=error.strerror or type(error).__name__)
    if len(raw) > LARGEST_BYTES:
        return Kept(trouble=f"it is larger than {LARGEST_BYTES >> 20} MiB")
    if not raw.strip():
        return Kept(trouble="it is empty")
    try:
        return Kept(json.loads(raw.decode("utf-8")))
    except (ValueError, RecursionError):
        return Kept(trouble="it is no JSON")


def set_aside(path: Path, now: float) -> None:
    """Give a file another name, so that a person can look at it; of several, the newest stay."""
    if not path.exists():
        return
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    path.replace(path.with_name(f"{path.name}{ASIDE}{stamp}"))
    for old in sorted(path.parent.glob(f"{path.name}{ASIDE}*"))[:-MOST_ASIDE]:
        old.unlink()


def value(raw: Mapping[str, Any], key: str, default: T) -> T:
    """Return what ``raw`` has under ``key`` where it is of the type of ``default``, else that."""
    found = raw.get(key, default)
    if isinstance(default, float) and isinstance(found, int) and not isinstance(found, bool):
        return float(found)  # type: ignore[return-value]  # JSON writes 1.0 as a reader may have rounded it: 1
    same = isinstance(found, type(default)) and isinstance(found, bool) == isinstance(default, bool)
    return found if same else default


def texts(raw: Any) -> list[str]:
    """Return those members of a list that are text; none where ``raw`` is no list."""
    return [one for one in raw if isinstance(one, str)] if isinstance(raw, list) else []


def mapping(raw: Any) -> dict[str, Any]:
    """Return ``raw`` where it is an object, else an empty one."""
    return raw if isinstance(raw, dict) else {}
