"""What the unit tests share."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from ansible.plugins.loader import init_plugin_loader
from hypothesis import settings

# First of all: whoever imports the collection before Ansible's own importer is there gets it without its plugins.
init_plugin_loader()

# A busy machine is no fault of what is tested.
settings.register_profile("project", deadline=None)
settings.load_profile("project")

IN_MEMORY = Path("/dev/shm")
LEAST_FREE_BYTES = 2 << 30


def pytest_configure() -> None:
    """Keep the tests' files in memory where there is room: the product waits for the disk each time that it writes."""
    if "TMPDIR" not in os.environ and IN_MEMORY.is_dir() and shutil.disk_usage(IN_MEMORY).free >= LEAST_FREE_BYTES:
        os.environ["TMPDIR"] = tempfile.tempdir = str(IN_MEMORY)
