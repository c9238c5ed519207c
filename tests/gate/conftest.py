"""Folders that several tests of the inventory gate start from."""

from __future__ import annotations

from pathlib import Path

import pytest
from own_services import write_role


@pytest.fixture
def playbooks(tmp_path: Path) -> Path:
    """A folder of playbooks with role lidar_driver beside them."""
    write_role(tmp_path / "roles" / "lidar_driver")
    return tmp_path
