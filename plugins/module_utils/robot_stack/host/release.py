"""Which release of which distribution a robot has, as /etc/os-release tells it.

Source: https://www.freedesktop.org/software/systemd/man/latest/os-release.html
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass

from ..base.roots import Roots
from . import kernel_file

PLACES = ("/etc/os-release", "/usr/lib/os-release")
LINE = re.compile(r"(?P<key>[A-Z0-9_]+)=(?P<quote>[\"']?)(?P<value>[^\"']*)(?P=quote)")


@dataclass(frozen=True)
class Release:
    """`family`: debian, ubuntu; `number`: (12,), (24, 4), () where it has none."""

    family: str = ""
    number: tuple[int, ...] = ()
    words: str = ""  # as people call it


def find(roots: Roots) -> Release:
    """Return the robot's release; one that cannot be read tells nothing."""
    told: dict[str, str] = {}
    for place in PLACES:
        with suppress(OSError):
            for line in kernel_file.lines(roots.path(place)):
                found = LINE.fullmatch(line.strip())
                told.update({found["key"]: found["value"]} if found else {})
            break
    number = told.get("VERSION_ID", "")
    known = re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})*", number)
    return Release(
        told.get("ID", ""),
        tuple(map(int, number.split("."))) if known else (),
        told.get("PRETTY_NAME", ""),
    )
