"""Who runs this: whoever is not root would be told of the first file or socket that is closed to him, not why."""

from __future__ import annotations

import os
import pwd

ROOT = 0


def objection(root: int = ROOT) -> str:
    """Return why this process cannot do its work: it is not ``root`` (a uid); "" where it is."""
    uid = os.geteuid()
    if uid == root:
        return ""
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = f"user {uid}"
    return (
        f"this runs as {name}, not as root: set ansible_become: true for this host in the inventory, and in the vault "
        "ansible_become_password where its sudo asks for one"
    )
