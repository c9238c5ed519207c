"""What the kernel has on cgroup v2, and what a changed limit restarts; see molecule/shared/changed_limit.py."""

from __future__ import annotations

from typing import Any

from changed_limit import *  # noqa: F403 (pytest finds the tests by their names in this module)

MIB = 1024 * 1024


def test_engine_and_services_are_below_one_slice_whose_limit_is_the_budget(robot: Any) -> None:
    ceiling = "/sys/fs/cgroup/robotstack.slice"
    for program in ("dockerd", "containerd"):
        engine = robot.cgroup(int(robot.run(f"pidof -s {program}")))
        assert f"{engine}/".startswith(f"{ceiling}/robotstack-engine.slice/")
    for service in robot.services:
        assert robot.cgroup(robot.pid(service)).startswith(f"{ceiling}/robotstack-{service}.slice/")
    assert int(robot.run(f"cat {ceiling}/memory.max")) == robot.declared("robot_stack_memory_budget_mib") * MIB
    assert int(robot.run(f"cat {ceiling}/memory.current")) < robot.declared("robot_stack_memory_budget_mib") * MIB
