"""A bare Debian 13 gets Podman and the stack, inside half of Docker's budget. Runs first, by its name."""

from __future__ import annotations

import json
import re
from typing import Any

# Another limit than declared, so that test_changes.py can change it: 48 + 36 + 64 = 148 of 150.
FIRST = {"sensor_service_memory_limit_mib": 36}


OURS = "find /etc /usr/local /var/lib /run/systemd -name '*robot*stack*'"


def site(playbook: Any, *arguments: str) -> Any:
    return playbook("playbooks/site.yml", "-e", json.dumps(FIRST), *arguments)


def test_what_a_bare_robot_would_get_is_shown_and_nothing_is_done(robot: Any, playbook: Any) -> None:
    shown = site(playbook, "--check", "--diff")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert re.search(r"install .*\bpodman\b", shown.stdout), shown.stdout
    for words in ("+memory: 36.0 MiB", "+slice: robotstack-sensor_service.slice", "cap the whole stack at 150 MiB"):
        assert words in shown.stdout, shown.stdout
    assert robot.host.run("command -v podman").rc != 0
    assert robot.run(OURS) == ""


def test_a_bare_robot_gets_podman_and_the_stack_and_no_docker(robot: Any, playbook: Any) -> None:
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
