"""Where this collection is, which version it has, and where it may keep what it can make again.

Nothing is ever written into the collection's own folder: it may be installed for everybody, and be read-only.
"""

from __future__ import annotations

import os
from pathlib import Path

VERSION = "0.2.0"  # galaxy.yml's, which an installed collection does not have; a test compares the two
NAME = "robotfleet.stack"
ROOT = Path(__file__).resolve().parents[2]
ROLES = ROOT / "roles"


def cache() -> Path:
    """Return the folder for caches, not yet made. Source: https://specifications.freedesktop.org/basedir-spec/latest/."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".cache") / NAME
