"""A bare Debian 13 gets Podman and the stack, inside half of Docker's budget. Runs first, by its name."""

from __future__ import annotations

import json
from typing import Any

# Another limit than declared, so that test_changes.py can change it: 48 + 36 + 64 = 148 of 150.
FIRST = {"sensor_service_memory_limit_mib": 36}


def site(playbook: Any) -> Any:
    return playbook("playbooks/site.yml", "-e", json.dumps(FIRST))


def test_a_bare_robot_gets_podman_and_the_stack_and_no_docker(robot: Any, playbook: Any) -> None:
    assert robot.host.run("command -v podman").rc != 0
    done = site(playbook)
    assert done.returncode == 0, done.stdout + done.stderr
    for program in ("dockerd", "containerd"):
        assert robot.host.run(f"command -v {program}").rc != 0, program
    assert robot.run("podman version --format '{{.Client.Version}}'").split(".") >= ["5"]


def test_a_second_run_changes_nothing_and_restarts_nothing(robot: Any, playbook: Any) -> None:
    before = [robot.started_at(service) for service in robot.services]
    done = site(playbook)
    assert done.returncode == 0, done.stdout
    assert "Nothing changed." in done.stdout
    assert [robot.started_at(service) for service in robot.services] == before
