"""Packs held.py, and the product's modules that it reads the kernel with, into one file that a robot's Python runs."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parents[1]
PACKAGE = Path("ansible_collections/robotfleet/stack/plugins/module_utils/robot_stack")
MODULES = ("host/cgroup.py", "host/kernel_file.py", "host/procfs.py")


def packed() -> bytes:
    """Return the archive: the modules below the names by which the collection imports them, held.py as what is run."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(HERE / "held.py", "__main__.py")
        for folder in (*reversed(PACKAGE.parents[:-1]), PACKAGE, PACKAGE / "host"):
            archive.writestr(f"{folder}/__init__.py", "")
        for module in MODULES:
            archive.write(PROJECT / "plugins" / "module_utils" / "robot_stack" / module, str(PACKAGE / module))
    return made.getvalue()
