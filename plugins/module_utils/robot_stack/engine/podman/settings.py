"""What an owner's storage.conf says of where images and containers are kept. Reading only; Python 3.9 knows no TOML.

Source: man 5 containers-storage.conf; a drop-in beside it counts from Podman 6 on.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from pathlib import Path

from ...base import strangers
from ...base.roots import Roots

NAME = "storage.conf"
FOLDERS = ("/etc/containers", "/usr/share/containers")  # a file in the first is read in place of one in the second
DROP_INS = (f"{NAME}.d", "storage.rootful.conf.d")
LARGEST_BYTES = 1 << 20
SECTION = re.compile(r"\s*\[\s*([A-Za-z0-9_.-]+)\s*\]\s*(?:#.*)?")
SETTING = re.compile(r"""\s*([A-Za-z0-9_.-]+)\s*=\s*("(?:[^"\\]|\\.)*"|'[^']*')\s*(?:#.*)?""")


def graph_root(roots: Roots) -> str:
    """Return where root's storage is said to be, "" where that is not said."""
    return of_root("graphroot", roots)


def of_root(key: str, roots: Roots) -> str:
    """Return the text that is set for all users of this robot, "" where there is none."""
    main = [roots.path(f"{folder}/{NAME}") for folder in FOLDERS]
    files = [path for path in main if path.is_file()][:1]
    # of the same name, that of /etc counts; others in the order of their names
    beside = {
        path.name: path
        for folder in reversed(FOLDERS)
        for one in DROP_INS
        for path in roots.path(f"{folder}/{one}").glob("*.conf")
    }
    files += [beside[name] for name in sorted(beside)]
    values = [value for value in (in_file(key, path) for path in files) if value]
    return values[-1] if values else ""


def in_file(key: str, path: Path) -> str:
    """Return the text of ``key`` in section [storage] of a file, "" where there is none."""
    found, section = "", ""
    with suppress(strangers.UnreadableError):
        for line in (strangers.text(path, LARGEST_BYTES) or "").splitlines():
            opened, said = SECTION.fullmatch(line), SETTING.fullmatch(line)
            section = opened[1] if opened else section
            if said and f"{section}.{said[1]}".lstrip(".") == f"storage.{key}":
                found = _plain(said[2])
    return found


def _plain(quoted: str) -> str:
    if quoted.startswith("'"):
        return quoted[1:-1]
    with suppress(ValueError):
        return str(json.loads(quoted))
    return ""
