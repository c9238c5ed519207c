"""Which file systems may not be written to, and which forget what was written at the next start. Reading only.

Format: https://docs.kernel.org/filesystems/proc.html, 3.5 /proc/PID/mountinfo
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from ..base.paths import inside, plain
from ..base.roots import Roots
from .procfs import boot_line

IN_RAM = ("tmpfs", "ramfs", "rootfs")
# Words of the kernel line by which a root becomes an overlay in RAM, as raspi-config writes them, now and formerly.
# With the older one the RAM's own mount stays behind in the initrd.
OVERLAY_WORDS = re.compile(r"(?:^|\s)(?:overlayroot=tmpfs|boot=overlay(?=\s|$))")


@dataclass(frozen=True)
class Mount:
    """A mounted file system; ``upper`` is where an overlay keeps what is written to it."""

    read_only: bool
    kind: str
    upper: str


def read_only(paths: Iterable[str], roots: Roots) -> dict[str, list[str]]:
    """Return the mount points that are read-only, and which of ``paths`` are, or will be made, there."""
    mounts = _mounts(roots)
    return _among(paths, roots, mounts, {point for point, mount in mounts.items() if mount.read_only})


def forgetful(paths: Iterable[str], roots: Roots) -> dict[str, list[str]]:
    """Return the mount points that keep what is written in RAM, and which of ``paths`` are, or will be made, there."""
    mounts = _mounts(roots)
    overlay_root = bool(OVERLAY_WORDS.search(boot_line(roots.proc)))
    return _among(paths, roots, mounts, {point for point in mounts if _forgets(point, mounts, overlay_root)})


def below(path: str, roots: Roots) -> list[str]:
    """Return the mount points below ``path``, the deepest first; that one itself is none of them."""
    inside = [point for point in _mounts(roots) if _holds(path, point) and PurePosixPath(point) != PurePosixPath(path)]
    return sorted(inside, key=lambda point: len(PurePosixPath(point).parts), reverse=True)


def _forgets(point: str, mounts: Mapping[str, Mount], overlay_root: bool) -> bool:
    mount = mounts[point]
    if mount.kind != "overlay":
        return mount.kind in IN_RAM
    below = _holder(mount.upper, mounts) if mount.upper else None
    return (overlay_root and point == "/") or (below is not None and mounts[below].kind in IN_RAM)


def _among(paths: Iterable[str], roots: Roots, mounts: Mapping[str, Mount], wanted: set[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for path in paths:
        holder = _holder(real(path, roots), mounts)
        if holder in wanted:
            found.setdefault(str(holder), []).append(path)
    return found


def _holder(path: str, mounts: Mapping[str, Mount]) -> str | None:
    """Return the mount point below which a path is."""
    return max((point for point in mounts if _holds(point, path)), key=len, default=None)


def _mounts(roots: Roots) -> dict[str, Mount]:
    """Return each mount point with what is mounted there; of two on one point the later one counts."""
    try:
        lines = (roots.proc / "self/mountinfo").read_text(errors="replace").splitlines()
    except OSError:
        return {}
    found: dict[str, Mount] = {}
    for line in lines:
        words, _, rest = line.partition(" - ")
        fields, described = words.split(" "), rest.split(" ")  # described: its kind, its source, its options
        if len(fields) > 5:
            of_the_filesystem = described[-1].split(",")
            upper = next((word[9:] for word in of_the_filesystem if word.startswith("upperdir=")), "")
            read_only_ = "ro" in fields[5].split(",") or "ro" in of_the_filesystem
            found[_unescaped(fields[4])] = Mount(read_only_, described[0], _unescaped(upper))
    return found


def real(path: str, roots: Roots) -> str:
    """Return where ``path`` leads: a folder of a robot's may be a link to another disk."""
    root = os.path.realpath(roots.filesystem)
    found = os.path.realpath(roots.path(path))
    return plain(os.path.relpath(found, root)) if inside(found, root) else found


def _holds(mount: str, path: str) -> bool:
    parts = PurePosixPath(mount).parts
    return PurePosixPath(path).parts[: len(parts)] == parts


def _unescaped(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), text)
