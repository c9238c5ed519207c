"""A robot that only sends (mode push) has no samples of its own: backups leave it out, and a restore refuses it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from declarations import PROJECT

INVENTORY = """
robots:
  hosts:
    sends.invalid:
      robot_stack_telemetry_mode: push
      vmagent_hub_url: https://hub.example.org:8427
      vmagent_hub_password: not-one-of-a-hub
    keeps.invalid:
    named.invalid:
      robot_stack_services: [robotfleet.stack.sensor_service, robotfleet.stack.victoriametrics]
"""


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    path = tmp_path / "hosts.yml"
    path.write_text(INVENTORY)
    return path


def run(playbook: str, inventory: Path, *more: str) -> subprocess.CompletedProcess[str]:
    argv = ["ansible-playbook", "-i", str(inventory), f"playbooks/{playbook}.yml", "--check", *more]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"), "ANSIBLE_FORCE_COLOR": "0"}
    return subprocess.run(argv, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_a_backup_leaves_out_who_keeps_nothing_and_says_so(inventory: Path) -> None:
    told = run("backup", inventory).stdout
    assert "sends.invalid runs no VictoriaMetrics: nothing is backed up" in told
    for other in ("keeps.invalid", "named.invalid"):
        assert f"fatal: [{other}]: UNREACHABLE!" in told, "the other robot was not asked"
        assert f"{other} runs no VictoriaMetrics" not in told
    assert "fatal: [sends.invalid]" not in told


def test_a_restore_to_such_a_robot_is_refused_before_it_is_contacted(inventory: Path) -> None:
    done = run("restore", inventory, "--limit", "sends.invalid")
    assert done.returncode != 0
    assert "robot_stack_telemetry_mode is push" in " ".join(done.stdout.split())
    assert "UNREACHABLE" not in done.stdout


@pytest.mark.parametrize("robot", ["keeps.invalid", "named.invalid"])
def test_a_restore_to_a_robot_that_keeps_them_goes_on(inventory: Path, robot: str) -> None:
    assert "UNREACHABLE" in run("restore", inventory, "--limit", robot).stdout
