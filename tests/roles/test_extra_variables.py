"""What a playbook's head says to give with -e is taken, though such a value is a text."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from declarations import PROJECT


@pytest.mark.parametrize(
    ("playbook", "given"),
    [
        ("report", "report_hours=168"),
        ("remove", "remove_data=true"),
        ("remove", "remove_engine=true"),
        ("images", "images_directory=FOLDER"),
    ],
)
def test_it_is_let_through(playbook: str, given: str, tmp_path: Path) -> None:
    head = (PROJECT / "playbooks" / f"{playbook}.yml").read_text(encoding="utf-8")
    assert re.search(rf"^#.*-e {given}", head, re.M), "the playbook says so"
    told = played(playbook, given, tmp_path)
    assert "declares what cannot work" not in told
    assert "UNREACHABLE" in told or playbook == "images", "nothing but the robot itself is missing"


def test_hours_that_are_no_number_are_refused_and_not_taken_for_none(tmp_path: Path) -> None:
    told = played("report", "report_hours=7d", tmp_path)
    assert "robot_stack_history_hours" in told
    assert "not a whole number" in told
    assert "UNREACHABLE" not in told


def played(playbook: str, given: str, tmp_path: Path) -> str:
    """Return what a playbook says on a robot that nobody can reach."""
    inventory = tmp_path / "hosts.yml"
    inventory.write_text("robots: {hosts: {nobody.invalid: }}\n", encoding="utf-8")
    more = ["-e", given.replace("FOLDER", str(tmp_path / "images")), "-e", f"report_directory={tmp_path}"]
    argv = ["ansible-playbook", "-i", str(inventory), f"playbooks/{playbook}.yml", *more]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"), "ANSIBLE_FORCE_COLOR": "0"}
    return subprocess.run(
        argv, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=300, check=False
    ).stdout
