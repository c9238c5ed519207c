"""Before anything happens: a robot that keeps no history says so in the report, and that is no fault of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def test_the_report_says_who_has_the_history_of_a_robot_that_keeps_none(playbook: Any, tmp_path: Path) -> None:
    written = playbook("playbooks/report.yml", "--limit", "robots", "-e", f"report_directory={tmp_path}")
    assert written.returncode == 0, written.stdout
    (page,) = tmp_path.glob("*.md")
    told = [line for line in page.read_text(encoding="utf-8").splitlines() if "keeps a history" in line]
    assert [line for line in told if line.startswith("- ")] == [line for line in told if line.startswith("- pusher: ")]
    assert len(told) == 2, "in the list of what stands out, and where the robot's history would be"
    assert all("the hub has it" in line for line in told)
