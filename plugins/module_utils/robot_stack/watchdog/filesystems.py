"""Room in the robot's file systems, as a page of metrics: the sensor service exports it, and sees none of their files.

Names and labels are node_exporter's. Formats: statvfs(3), proc_pid_mounts(5).
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..base.roots import Roots

FILE = "metrics/filesystems.prom"
LARGEST_TABLE = 1 << 20
# The server of one of these may be gone: asking it would wait for as long, and with it the watchdog.
REMOTE = ("nfs", "cifs", "smb", "9p", "ceph", "gluster", "afs", "fuse", "autofs", "davfs", "lustre", "ocfs", "virtiofs")
_METRICS = (
    ("node_filesystem_size_bytes", "Size of a file system."),
    ("node_filesystem_free_bytes", "Room that is free, the part reserved for root included."),
    ("node_filesystem_avail_bytes", "Room that is free to everyone."),
    ("node_filesystem_files_free", "Files that can still be made."),
    ("node_filesystem_readonly", "1 while a file system is read-only, as after an error of its disk."),
    (
        "node_filesystem_device_error",
        "1 while a listed path is not asked: it fails, is on a server, or its mount cannot be seen.",
    ),
)


@dataclass(frozen=True)
class _Mount:
    device: str = ""
    point: str = ""
    kind: str = ""
    options: str = ""


def text(paths: Iterable[str], roots: Roots) -> str:
    """Return the page, in bytes, of the file systems that hold ``paths``."""
    mounts = _mounts(roots.proc)
    found = [(path, _labels(path, _holding(path, mounts)), _figures(path, mounts, roots)) for path in paths]
    lines: list[str] = []
    for name, words in _METRICS:
        told = [f"{name}{labels} {figures[name]}" for _, labels, figures in found if name in figures]
        lines += [f"# HELP {name} {words}", f"# TYPE {name} gauge", *told] if told else []
    return "".join(f"{line}\n" for line in lines)


def _figures(path: str, mounts: list[_Mount], roots: Roots) -> dict[str, int]:
    mount = _holding(path, mounts)
    try:
        if not mount.options or mount.kind.startswith(REMOTE):
            raise OSError("not asked")
        # the watchdog's own view hides the homes of people; process 1 has the robot's
        seen = roots.proc / "1/root" / path.lstrip("/")
        found = os.statvfs(seen if (roots.proc / "1/root").is_dir() else roots.path(path))
    except OSError:
        return {"node_filesystem_device_error": 1}
    figures = {
        "node_filesystem_size_bytes": found.f_blocks * found.f_frsize,
        "node_filesystem_free_bytes": found.f_bfree * found.f_frsize,
        "node_filesystem_avail_bytes": found.f_bavail * found.f_frsize,
        "node_filesystem_readonly": int("ro" in mount.options.split(",")),
        "node_filesystem_device_error": 0,
    }
    if found.f_files:  # some file systems make files without end, and say 0
        figures["node_filesystem_files_free"] = found.f_ffree
    return figures


def _mounts(proc: Path) -> list[_Mount]:
    """Return the robot's mounts, the last mounted last."""
    try:
        with (proc / "1/mounts").open(encoding="utf-8", errors="replace") as table:
            lines = table.read(LARGEST_TABLE).splitlines()
    except OSError:
        return []
    return [_Mount(*map(_unescaped, line.split()[:4])) for line in lines if line.count(" ") >= 3]


def _unescaped(word: str) -> str:
    for code, char in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        word = word.replace(code, char)
    return word


def _holding(path: str, mounts: list[_Mount]) -> _Mount:
    """Return the mount that holds ``path``: the longest mount point above it, the latest where several are equal."""
    best = _Mount()
    for mount in mounts:
        inside = f"{path.rstrip('/')}/".startswith(f"{mount.point.rstrip('/')}/")
        if inside and len(mount.point) >= len(best.point):
            best = mount
    return best


def _labels(path: str, mount: _Mount) -> str:
    pairs = (("device", mount.device), ("fstype", mount.kind), ("mountpoint", path))
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in pairs) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
