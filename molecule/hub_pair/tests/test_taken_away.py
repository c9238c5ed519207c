"""One host of the pair is taken away: the other serves alone, with the samples that it had."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import telemetry
from two_hubs import DATABASE, Ask

PROJECT = Path(__file__).resolve().parents[3]
SCENARIO = PROJECT / "molecule/hub_pair"
Playbook = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def without_south(tmp_path: Path) -> Playbook:
    """Run a playbook with an inventory that has lost south, and with the secrets as they are."""
    inventory = tmp_path / "inventory"
    shutil.copytree(SCENARIO / "inventory", inventory)
    hosts = (inventory / "hosts.yml").read_text(encoding="utf-8")
    kept = hosts.replace("    south:\n      testbed_ssh_port: 22322\n", "")
    assert kept != hosts
    (inventory / "hosts.yml").write_text(kept, encoding="utf-8")

    def run(playbook: str) -> subprocess.CompletedProcess[str]:
        given = ["-i", str(PROJECT / "molecule/shared/inventory"), "-i", str(inventory)]
        environment = {**os.environ, "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"), "ANSIBLE_FORCE_COLOR": "0"}
        return subprocess.run(
            ["ansible-playbook", *given, playbook],
            cwd=PROJECT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=1800,
            check=False,
        )

    return run


def test_the_other_serves_alone(
    north: Any, south: Any, fleet: dict[str, Any], playbook: Playbook, without_south: Playbook, ask: Ask
) -> None:
    database = north.started_at("telemetry_hub_victoriametrics")
    began = telemetry.settled(north, *fleet)
    gone = playbook("playbooks/hub.yml", "--limit", "south", "-e", "hub_state=absent")
    assert gone.returncode == 0, gone.stdout
    assert DATABASE not in south.run("docker ps --format '{{.Names}}'")
    for name in ("playbooks/hub.yml", "playbooks/site.yml"):
        done = without_south(name)
        assert done.returncode == 0, done.stdout
    assert north.started_at("telemetry_hub_victoriametrics") == database, "nothing of it has changed"
    for robot in fleet.values():
        arguments = robot.inspect("vmagent")["Config"]["Cmd"]
        assert [one for one in arguments if one.startswith("-remoteWrite.url=")] == [
            "-remoteWrite.url=https://north:8427/api/v1/write"
        ]
        telemetry.arrive(north, robot.name)
        telemetry.drained(robot)
    ended = telemetry.settled(north, *fleet)
    for name in fleet:
        there = telemetry.ledger(north, name, (began, ended))
        assert there.lost_answers() == []
    assert ask(north, "/api/v1/query?query=up").status == 200
