"""The project's program on a robot: which files it has, and one digest of them.

It is looked at before anything else of it is imported, so this file stands alone.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

PACKAGE = "robot_stack"
# Beside the package; NOT_HERE is what the second says where it is of another version than it was asked for.
LOOK, ANSWER = "look.py", "answer.py"
NOT_HERE = 75


def digest(contents: Mapping[str, str]) -> str:
    """Return the SHA-256 of a program's files, in hexadecimal; ``contents`` are texts by path below its folder."""
    made = hashlib.sha256()
    for path, content in sorted(contents.items()):
        for part in (path.encode(), content.encode(errors="surrogateescape")):
            made.update(b"%d\n" % len(part) + part)
    return made.hexdigest()


def found(folder: Path) -> dict[str, str]:
    """Return the files of the program in ``folder`` by path; empty: there is none. Raises OSError."""
    names = [name for name in (LOOK, ANSWER) if (folder / name).is_file()]
    for where, _, files in os.walk(folder / PACKAGE):
        below = where[len(str(folder)) + 1 :]
        names += [f"{below}/{name}" for name in files if name.endswith(".py")]
    return {name: (folder / name).read_bytes().decode(errors="surrogateescape") for name in names}
