"""Where output is for programs it is theirs alone, whatever the playbook; people read the summary beside it (row A11).

tests/install/test_output.py and test_runner.py have a rollout's output, and ansible-runner's.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from field.playing import Fleet

HOSTS = "robots: {hosts: {scout: {ansible_host: 192.0.2.1}}}\n"
PULLED = (
    "robot_stack_image_delivery: pull\nrobot_stack_image_digests:\n"
    f"  robot-stack/sensor-service:0.1.0: sha256:{'a' * 64}\n"
    f"  victoriametrics/victoria-metrics:v1.148.8: sha256:{'b' * 64}\n"
)
SETTINGS = {"ANSIBLE_CALLBACK_RESULT_FORMAT": "json", "ANSIBLE_DEPRECATION_WARNINGS": "0"}


@pytest.mark.parametrize("playbook", ["preflight", "verify", "rollback", "remove"])
def test_every_playbooks_json_is_one_document_and_the_summary_is_beside_it(tmp_path: Path, playbook: str) -> None:
    fleet = Fleet(tmp_path, {"hosts.yml": HOSTS, "group_vars/robots.yml": PULLED})
    done = fleet.play(playbook=playbook, ANSIBLE_STDOUT_CALLBACK="json", **SETTINGS)
    assert json.loads(done.stdout)["stats"]["scout"]["unreachable"] == 1
    assert [line for line in done.stderr.splitlines() if line.startswith("scout could not be reached: ")]


def test_a_refusals_json_holds_the_whole_message(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, {"hosts.yml": HOSTS, "group_vars/robots.yml": "robot_stack_memory_budget_mib: 1\n"})
    done = fleet.play(ANSIBLE_STDOUT_CALLBACK="json", **SETTINGS)
    play = json.loads(done.stdout)["plays"][-1]
    assert "No robot was contacted." in play["tasks"][0]["hosts"]["scout"]["msg"]


def test_one_line_a_host_stays_one_line(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, {"hosts.yml": HOSTS, "group_vars/robots.yml": PULLED})
    done = fleet.play(ANSIBLE_STDOUT_CALLBACK="oneline", **SETTINGS)
    assert [line for line in done.stdout.splitlines() if line.startswith("scout could not")] == []
    assert "scout could not be reached: " in done.stderr
