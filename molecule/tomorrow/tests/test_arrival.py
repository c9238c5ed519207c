"""A bare robot with what Debian's next release will be gets Docker and the stack. Runs first, by its name."""

from __future__ import annotations

from typing import Any

from engines import has_only, site, stays


def test_this_is_no_release_yet(robot: Any) -> None:
    told = robot.run("cat /etc/os-release")
    assert "VERSION_ID" not in told, "Debian testing became a release: what is tomorrow now?"
    assert robot.run("stat --file-system --format %T /sys/fs/cgroup").strip() == "cgroup2fs"


def test_it_gets_docker_and_the_stack(robot: Any, playbook: Any) -> None:
    assert robot.host.run("command -v dockerd").rc != 0
    site(playbook)
    has_only(robot, "docker")


def test_a_second_run_changes_nothing(robot: Any, playbook: Any) -> None:
    stays(robot, playbook)
