"""What the kernel has, and what a changed limit restarts; see molecule/shared/changed_limit.py."""

from __future__ import annotations

from typing import Any

from changed_limit import *  # noqa: F403 (pytest finds the tests by their names in this module)
from quadlet import SLICE, conmon


def test_what_podman_leaves_running_is_below_the_ceiling_beside_its_container(robot: Any) -> None:
    for service in robot.services:
        below = f"/sys/fs/cgroup/{SLICE}/robotstack-{service}.slice/"
        assert robot.cgroup(robot.pid(service)).startswith(below)
        between = conmon(robot, service)
        assert between, service
        assert robot.cgroup(between).startswith(below)
