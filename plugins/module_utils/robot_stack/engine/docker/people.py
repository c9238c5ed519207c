"""What people who log in keep with Docker's programs, each in a folder of their own, where no daemon of root's is.

Source: https://docs.docker.com/engine/security/rootless/
"""

from __future__ import annotations

from ...base.roots import Roots
from ...host import accounts
from . import storage

STORE = ".local/share/docker"


def kept(roots: Roots) -> list[str]:
    """Return the folders in which they keep anything, sorted."""
    folders = {f"{person.home}/{STORE}" for person in accounts.people(roots)}
    return sorted(folder for folder in folders if storage.held(roots.path(folder)))
