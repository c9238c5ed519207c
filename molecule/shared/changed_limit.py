"""What the kernel has on cgroup v2, and what a changed limit restarts. The first deployment had another limit."""

from __future__ import annotations

from typing import Any

MIB = 1024 * 1024


def test_no_service_may_use_swap(robot: Any) -> None:
    assert int(robot.run("awk '/^SwapTotal/ {print $2}' /proc/meminfo")) > 0, "there is some"
    for service in robot.services:
        group = robot.cgroup(robot.pid(service))
        assert robot.run(f"cat {group}/memory.swap.max {group}/memory.swap.current").split() == ["0", "0"], service


def test_a_changed_limit_restarts_its_service_alone_and_the_kernel_has_it(robot: Any, playbook: Any) -> None:
    declared = robot.declared("sensor_service_memory_limit_mib") * MIB
    assert robot.limits(robot.cgroup(robot.pid("sensor_service")))[0] > declared
    rest, sensor = everything_else(robot), robot.started_at("sensor_service")
    done = playbook("playbooks/site.yml")
    assert done.returncode == 0, done.stdout
    assert robot.limits(robot.cgroup(robot.pid("sensor_service"))) == (declared, declared)
    assert robot.started_at("sensor_service") != sensor
    assert everything_else(robot) == rest


def everything_else(robot: Any) -> tuple[str, str, str]:
    """The database, the processes of an engine that has any at rest, and the system itself."""
    engine = robot.host.run("pidof dockerd containerd").stdout
    return robot.started_at("victoriametrics"), engine, robot.run("cat /proc/sys/kernel/random/boot_id")
