"""Where this collection is, which version it has, and where it may keep what it can make again.

Nothing is ever written into the collection's own folder: it may be installed for everybody, and be read-only.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

VERSION = "0.2.0"  # galaxy.yml's, which an installed collection does not have; a test compares the two
NAME = "robotfleet.stack"
ROOT = Path(__file__).resolve().parents[2]
ROLES = ROOT / "roles"
# What our own tasks register: variables of every later playbook of the same run, and nobody's declaration.
REGISTERED = frozenset(
    {
        "backup_result",
        "hub_entry_point_folder",
        "hub_folders",
        "hub_found",
        "leaving_robots",
        "report_written",
        "restore_checked",
        "restore_found",
        "restore_result",
        "robot_stack_result",
        "rollout_joined",
        "rollout_planned",
        "telemetry_hub_authority",
        "telemetry_hub_described",
        "this_wave",
    }
)


def cache() -> Path:
    """Return the folder for caches, not yet made. Source: https://specifications.freedesktop.org/basedir-spec/latest/."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".cache") / NAME


def digest(*folders: Path) -> str:
    """Return one digest of the files of ``folders``, or of what this collection brings to a robot and decides by."""
    found = hashlib.sha256()
    for folder in folders or (ROOT / "plugins", ROLES):
        for path in _files(folder):
            found.update(f"{path.relative_to(folder)}\0{path.stat().st_size}\0".encode())
            found.update(path.read_bytes())
    return found.hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files below ``folder``, but for the byte code that Python keeps, in one order everywhere."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path
