"""What the kernel has, and what a changed limit restarts."""

from __future__ import annotations

from typing import Any

from quadlet import SLICE, conmon

MIB = 1024 * 1024


def test_no_service_may_use_swap(robot: Any) -> None:
    assert int(robot.run("awk '/^SwapTotal/ {print $2}' /proc/meminfo")) > 0, "there is some"
    for service in robot.services:
        group = robot.cgroup(robot.pid(service))
        assert robot.run(f"cat {group}/memory.swap.max {group}/memory.swap.current").split() == ["0", "0"], service


def test_what_podman_leaves_running_is_below_the_ceiling_beside_its_container(robot: Any) -> None:
    for service in robot.services:
        below = f"/sys/fs/cgroup/{SLICE}/robotstack-{service}.slice/"
        assert robot.cgroup(robot.pid(service)).startswith(below)
        between = conmon(robot, service)
        assert between, service
        assert robot.cgroup(between).startswith(below)


def test_a_changed_limit_restarts_its_service_alone_and_the_kernel_has_it(robot: Any, playbook: Any) -> None:
    declared = robot.declared("sensor_service_memory_limit_mib") * MIB
    assert robot.limits(robot.cgroup(robot.pid("sensor_service")))[0] > declared  # test_arrival.py deployed it so
    sensor, database = robot.started_at("sensor_service"), robot.started_at("victoriametrics")
    done = playbook("playbooks/site.yml")
    assert done.returncode == 0, done.stdout
    assert robot.limits(robot.cgroup(robot.pid("sensor_service"))) == (declared, declared)
    assert robot.started_at("sensor_service") != sensor
    assert robot.started_at("victoriametrics") == database
