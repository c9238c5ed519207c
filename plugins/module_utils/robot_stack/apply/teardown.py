"""Takes off a robot what a removal leaves no use for: directories, and slices with their groups."""

from __future__ import annotations

from contextlib import suppress

from ..base.files import PARTIAL
from ..base.folder import Folder, remove_tree
from ..base.roots import Roots
from ..host import mounts, systemd
from ..records.record_file import ASIDE


def drop_directory(roots: Roots, path: str) -> None:
    """Remove a directory; a disk of its own, it or one below, is emptied, and stays mounted."""
    directory = roots.path(path)
    if not directory.is_mount():
        remove_tree(directory)
        return
    with Folder.at(directory) as disk:
        disk.empty()


def unmount_below(roots: Roots, run: systemd.Run, path: str) -> None:
    """Unmount what an engine has mounted in its own store, and left so."""
    for point in mounts.below(path, roots):
        run(["umount", point])


def drop_root(roots: Roots, path: str) -> None:
    """Remove the stack's directory, but for what is not ours in it, and what is a disk of its own."""
    directory = roots.path(path)
    for pattern in (f"{PARTIAL}*", f"*{ASIDE}*"):  # of a write that was cut off; what could not be read
        for left in directory.glob(pattern):
            left.unlink(missing_ok=True)
    with suppress(OSError):
        directory.rmdir()


def drop_slice(roots: Roots, run: systemd.Run, parent: str, name: str) -> None:
    """Remove a slice below ``parent``, or that one itself."""
    run(["systemctl", "disable", "--quiet", "--now", name])
    roots.path(f"{systemd.UNITS}/{name}").unlink()
    run(["systemctl", "revert", name])  # drops the limit that was set at run time
    run(["systemctl", "daemon-reload"])
    systemd.forget_groups(roots.sys, parent, name)
