"""Samples go to the controller and come back; the database is stopped for it, and no other service."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from waiting import patience, until


def oldest(robot: Any) -> str:
    return str(robot.query("tfirst_over_time(node_load1[1h])")[0]["value"][1])


def test_samples_are_saved_and_restored(robot: Any, playbook: Any, tmp_path: Path) -> None:
    # a backup notes what was scraped half a minute before it
    until(lambda: robot.query_now("up offset 40s"), "it has a past", patience(robot))
    first, sensor, database = oldest(robot), robot.started_at("sensor_service"), robot.started_at("victoriametrics")
    saved = playbook("playbooks/backup.yml", "-e", f"backup_directory={tmp_path}")
    assert saved.returncode == 0, saved.stdout
    assert robot.started_at("victoriametrics") == database
    replace = ("-e", "restore_replace=true")
    restored = playbook("playbooks/restore.yml", "-e", f"backup_directory={tmp_path}", *replace)
    assert restored.returncode == 0, restored.stdout
    assert "targets that had samples at" in restored.stdout
    assert robot.started_at("victoriametrics") != database
    assert robot.started_at("sensor_service") == sensor
    assert oldest(robot) == first
