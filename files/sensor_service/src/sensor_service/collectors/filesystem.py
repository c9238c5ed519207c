"""Room in the file systems that the operator listed. Format: statvfs(3), proc_pid_mounts(5).

A container cannot look through `/proc/1/root`: each path must be mounted into it, and is told as `robot path=path
inside`. The robot's own path becomes the label `mountpoint`.
"""

from __future__ import annotations

import os

from .. import files
from ..metric import gauge
from ..output import describe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..output import Output
    from ..robot import Robot

SIZE = gauge("node_filesystem_size_bytes", "Size of a file system.")
FREE = gauge("node_filesystem_free_bytes", "Room that is free, the part reserved for root included.")
AVAILABLE = gauge("node_filesystem_avail_bytes", "Room that is free to everyone.")
FILES_FREE = gauge("node_filesystem_files_free", "Files that can still be made.")
READ_ONLY = gauge("node_filesystem_readonly", "1 while a file system is read-only, as after an error of its disk.")
FAILED = gauge("node_filesystem_device_error", "1 while a listed path cannot be asked.")


def collect(robot: Robot, out: Output) -> None:
    """Asks each listed path, in bytes. A path that cannot be asked is a fault of its own; the others answer."""
    mounts = _mounts(robot.proc, out) if robot.filesystems else []
    for path, inside in robot.filesystems.items():
        labels = _labels(path, mounts)
        try:
            found = os.statvfs(inside)
        except OSError as error:
            out.add(FAILED, 1, **labels)
            out.fault(path, describe(error))
            continue
        out.add(SIZE, found.f_blocks * found.f_frsize, **labels)
        out.add(FREE, found.f_bfree * found.f_frsize, **labels)
        out.add(AVAILABLE, found.f_bavail * found.f_frsize, **labels)
        if found.f_files:  # some file systems make files without end, and say 0
            out.add(FILES_FREE, found.f_ffree, **labels)
        mount = _mount_of(path, mounts)
        if mount:  # the robot's table decides: our own mount is always read-only
            out.add(READ_ONLY, int("ro" in mount[3].split(",")), **labels)
        out.add(FAILED, 0, **labels)


def _mounts(proc: str, out: Output) -> list[list[str]]:
    """Returns [device, mount point, type, options] of the robot's mounts, the last mounted last.

    A table that cannot be seen (`hidepid`) is a fault, and no statement about any of them.
    """
    path = f"{proc}/1/mounts"
    try:
        text = files.table(path)
    except (OSError, ValueError) as error:
        out.fault(path, error)
        return []
    return [[_unescape(word) for word in line.split()[:4]] for line in text.splitlines() if line.count(" ") >= 3]


def _unescape(word: str) -> str:
    """Returns a field of the mount table with its octal escapes (blank, tab, line feed, backslash) undone."""
    for code, char in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        word = word.replace(code, char)
    return word


def _mount_of(path: str, mounts: list[list[str]]) -> list[str] | None:
    """Returns the mount that holds `path`: the longest mount point above it, the latest where several are equal."""
    best = None
    for mount in mounts:
        point = mount[1].rstrip("/")
        inside = f"{path.rstrip('/')}/".startswith(f"{point}/")
        if inside and (best is None or len(mount[1]) >= len(best[1])):
            best = mount
    return best


def _labels(path: str, mounts: list[list[str]]) -> dict[str, str]:
    mount = _mount_of(path, mounts)
    return {"device": mount[0] if mount else "", "fstype": mount[2] if mount else "", "mountpoint": path}
