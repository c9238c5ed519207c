"""What a measurement depends on is kept with it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks import results


@pytest.mark.parametrize("partition", [False, True])
def test_the_disks_read_ahead_is_found_for_a_disk_and_for_a_partition(tmp_path: Path, partition: bool) -> None:
    disk = tmp_path / "devices" / "disk"
    own = disk / "disk1" if partition else disk
    own.mkdir(parents=True)
    (disk / "bdi").mkdir()
    (disk / "bdi" / "read_ahead_kb").write_text("128\n")
    device = tmp_path.stat().st_dev
    (tmp_path / "dev" / "block").mkdir(parents=True)
    (tmp_path / "dev" / "block" / f"{os.major(device)}:{os.minor(device)}").symlink_to(own)
    assert results.read_ahead_kib(str(tmp_path), tmp_path) == 128


def test_nothing_is_said_of_a_disk_that_is_not_known(tmp_path: Path) -> None:
    assert results.read_ahead_kib(str(tmp_path), tmp_path) is None
