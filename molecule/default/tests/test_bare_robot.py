"""A robot that had no container engine."""

from __future__ import annotations

import json
from typing import Any


def kept(robot: Any) -> list[Any]:
    """Return what only a deployment changes: containers, files of ours, and what is remembered but for the peaks.

    Those the watchdog may raise at any time.
    """
    files = "find /var/lib/robot-stack -name data -prune -o -type f ! -name state.json -printf '%p %T+ %C+\\n'"
    remembered = json.loads(robot.run("cat /var/lib/robot-stack/state.json"))
    for service in remembered["services"].values():
        service.pop("peak_bytes")
    return [robot.run("docker ps -q --no-trunc"), sorted(robot.run(files).splitlines()), remembered]


def test_the_engine_is_counted_below_the_ceiling(robot: Any) -> None:
    for program in ("dockerd", "containerd"):
        pid = int(robot.run(f"pidof -s {program}"))
        assert "/robotstack.slice/robotstack-engine.slice/" in robot.cgroup(pid) + "/"


def test_verify_agrees_and_changes_nothing(robot: Any, playbook: Any) -> None:
    before = kept(robot)
    done = playbook("playbooks/verify.yml")
    assert done.returncode == 0, done.stdout
    assert kept(robot) == before
