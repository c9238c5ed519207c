"""The robot loses its power; the stack is back by itself, inside its budget, with the data that was flushed."""

from __future__ import annotations

from typing import Any

import power
from comes_back import comes_back_with_its_samples, wait_until_it_is_back
from promises import MIB, SERVICES
from waiting import until


def test_the_stack_comes_back_by_itself_with_its_data(robot: Any) -> None:
    comes_back_with_its_samples(robot)


def test_engine_and_services_are_below_the_ceiling_again(robot: Any) -> None:
    engine = robot.cgroup(int(robot.run("pidof -s dockerd")))
    assert "/robotstack.slice/robotstack-engine.slice/" in engine
    for service in SERVICES:
        assert f"/robotstack.slice/robotstack-{service}.slice/" in robot.cgroup(robot.pid(service))
    ceiling = engine.split("/robotstack-engine.slice/")[0]
    assert robot.limits(ceiling)[0] == robot.declared("robot_stack_memory_budget_mib") * MIB


def test_the_watchdog_looks_again_and_counts_the_cut_as_nobodys_fault(robot: Any, playbook: Any) -> None:
    until(lambda: robot.host.file("/run/robot-stack/metrics/robot_stack.prom").exists, "the watchdog looks")
    assert robot.query('robot_stack_service_up{service="victoriametrics"} == 1')
    verified = playbook("playbooks/verify.yml")
    assert verified.returncode == 0, verified.stdout


def test_power_that_is_lost_while_the_watchdog_ends_a_service_leaves_nothing_stopped(robot: Any) -> None:
    first = robot.query("tfirst_over_time(node_load1[1h])")[0]["value"][1]
    hung = robot.pid("victoriametrics")
    robot.run(f"kill -STOP {hung}")
    told = "journalctl --unit robot-stack-watchdog --no-pager | grep 'victoriametrics runs and does not answer'"
    power.wait_until(robot, told)
    assert robot.pid("victoriametrics") == hung, "it is given time to end, and is not started again yet"
    power.cut(robot)
    wait_until_it_is_back(robot)
    assert robot.query("tfirst_over_time(node_load1[1h])")[0]["value"][1] == first


def test_a_run_after_the_boot_changes_nothing(robot: Any, playbook: Any) -> None:
    before = [robot.started_at(service) for service in SERVICES]
    done = playbook("playbooks/site.yml")
    assert done.returncode == 0, done.stdout
    assert "changed=0" in done.stdout
    assert [robot.started_at(service) for service in SERVICES] == before
