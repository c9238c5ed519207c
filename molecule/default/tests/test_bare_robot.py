"""A robot that had no container engine."""

from __future__ import annotations

from typing import Any


def test_the_engine_is_counted_below_the_ceiling(robot: Any) -> None:
    for program in ("dockerd", "containerd"):
        pid = int(robot.run(f"pidof -s {program}"))
        assert "/robotstack.slice/robotstack-engine.slice/" in robot.cgroup(pid) + "/"


def test_verify_agrees_and_changes_nothing(robot: Any, playbook: Any) -> None:
    before = robot.run("docker ps -q --no-trunc; stat -c '%n %y' /var/lib/robot-stack/state.json")
    done = playbook("playbooks/verify.yml")
    assert done.returncode == 0, done.stdout
    assert robot.run("docker ps -q --no-trunc; stat -c '%n %y' /var/lib/robot-stack/state.json") == before
