"""Which file systems may not be written to. Reading only.

Format: https://docs.kernel.org/filesystems/proc.html, 3.5 /proc/PID/mountinfo
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from ..base.roots import Roots


def read_only(paths: Iterable[str], roots: Roots) -> dict[str, list[str]]:
    """Return the mount points that are read-only, and which of ``paths`` are, or will be made, there."""
    mounts = _mounts(roots)
    found: dict[str, list[str]] = {}
    for path in paths:
        real = _real(path, roots)
        holders = [mount for mount in mounts if _holds(mount, real)]
        if not holders:
            continue
        longest = max(len(mount) for mount in holders)
        [*_, last] = [mount for mount in holders if len(mount) == longest]
        if mounts[last]:
            found.setdefault(last, []).append(path)
    return found


def _mounts(roots: Roots) -> dict[str, bool]:
    """Return each mount point, and whether it is read-only; of two on one point the later one counts."""
    try:
        lines = (roots.proc / "self/mountinfo").read_text(errors="replace").splitlines()
    except OSError:
        return {}
    found: dict[str, bool] = {}
    for line in lines:
        words, _, rest = line.partition(" - ")
        fields, of_the_filesystem = words.split(" "), rest.split(" ")[-1]
        if len(fields) > 5:
            read_only_ = "ro" in fields[5].split(",") or "ro" in of_the_filesystem.split(",")
            found[_unescaped(fields[4])] = read_only_
    return found


def _real(path: str, roots: Roots) -> str:
    """Return where ``path`` leads: a folder of a robot's may be a link to another disk."""
    root = os.path.realpath(roots.filesystem)
    real = os.path.realpath(roots.path(path))
    return "/" + os.path.relpath(real, root) if real.startswith(root) else real


def _holds(mount: str, path: str) -> bool:
    parts = PurePosixPath(mount).parts
    return PurePosixPath(path).parts[: len(parts)] == parts


def _unescaped(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), text)
