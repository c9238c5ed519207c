"""What the kernel has on cgroup v2, and what a changed limit restarts."""

from __future__ import annotations

from typing import Any

MIB = 1024 * 1024


def test_no_service_may_use_swap(robot: Any) -> None:
    for service in robot.services:
        group = robot.cgroup(robot.pid(service))
        assert robot.run(f"cat {group}/memory.swap.max {group}/memory.swap.current").split() == ["0", "0"], service


def test_engine_and_services_are_below_one_slice_whose_limit_is_the_budget(robot: Any) -> None:
    ceiling = "/sys/fs/cgroup/robotstack.slice"
    for program in ("dockerd", "containerd"):
        engine = robot.cgroup(int(robot.run(f"pidof -s {program}")))
        assert f"{engine}/".startswith(f"{ceiling}/robotstack-engine.slice/")
    for service in robot.services:
        assert robot.cgroup(robot.pid(service)).startswith(f"{ceiling}/robotstack-{service}.slice/")
    assert int(robot.run(f"cat {ceiling}/memory.max")) == robot.declared("robot_stack_memory_budget_mib") * MIB
    assert int(robot.run(f"cat {ceiling}/memory.current")) < robot.declared("robot_stack_memory_budget_mib") * MIB


def test_a_changed_limit_restarts_its_service_alone_and_the_kernel_has_it(robot: Any, playbook: Any) -> None:
    declared = robot.declared("sensor_service_memory_limit_mib") * MIB
    assert robot.limits(robot.cgroup(robot.pid("sensor_service")))[0] > declared  # test_boot_line.py deployed it so
    engine, boot = robot.run("pidof -s dockerd"), robot.run("cat /proc/sys/kernel/random/boot_id")
    sensor, database = robot.started_at("sensor_service"), robot.started_at("victoriametrics")
    done = playbook("playbooks/site.yml")
    assert done.returncode == 0, done.stdout
    assert robot.limits(robot.cgroup(robot.pid("sensor_service"))) == (declared, declared)
    assert robot.started_at("sensor_service") != sensor
    assert robot.started_at("victoriametrics") == database
    assert robot.run("pidof -s dockerd") == engine
    assert robot.run("cat /proc/sys/kernel/random/boot_id") == boot
