"""The power is cut: all that shall run comes back by itself with its samples; what was stopped on purpose does not."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import power
from comes_back import DATABASE, comes_back_with_its_samples, wait_until_it_is_back
from failures import answers, kept, watched
from quadlet import conmon
from waiting import patience, until


def faults(robot: Any) -> dict[str, list[int]]:
    """Return what the robot remembers against each service."""
    counted = ("restarts", "oom_kills", "hangs", "starts")
    return {service: [kept(robot, service)[what] for what in counted] for service in robot.services}


def is_seen(robot: Any, name: str) -> bool:
    """Whether the watchdog has looked since the boot, and says so of the sensor service."""
    with contextlib.suppress(AssertionError, StopIteration):  # no look since the boot
        return watched(robot, name) == 1
    return False


def test_everything_comes_back_by_itself_with_its_samples(robot: Any) -> None:
    boot, before = robot.run("cat /proc/sys/kernel/random/boot_id"), faults(robot)
    comes_back_with_its_samples(robot)
    assert robot.run("cat /proc/sys/kernel/random/boot_id") != boot
    until(lambda: is_seen(robot, "robot_stack_service_up"), "the watchdog looks again", patience(robot))
    assert faults(robot) == before, "the cut was no service's fault"


def test_what_was_stopped_on_purpose_stays_so_over_a_cut(robot: Any, playbook: Any) -> None:
    power.wait_until(robot, "systemctl is-system-running --wait | grep -qE 'running|degraded'")
    database = robot.started_at("victoriametrics")
    stopped = json.dumps({"robot_stack_stopped_services": ["sensor_service"]})
    done = playbook("playbooks/site.yml", "-e", stopped)
    assert done.returncode == 0, done.stdout
    assert robot.started_at("victoriametrics") == database, "after the cut there was nothing else to do"
    power.cut(robot)
    wait_until_it_is_back(robot, DATABASE)
    until(
        lambda: is_seen(robot, "robot_stack_service_kept_stopped"),
        "the watchdog has seen it, and let it be",
        patience(robot),
    )
    assert not answers(robot)
    assert not conmon(robot, "sensor_service")


def test_the_next_run_starts_it_and_nothing_else(robot: Any, playbook: Any) -> None:
    power.wait_until(robot, "systemctl is-system-running --wait | grep -qE 'running|degraded'")
    database = robot.started_at("victoriametrics")
    done = playbook("playbooks/site.yml")
    assert done.returncode == 0, done.stdout
    assert answers(robot)
    assert robot.started_at("victoriametrics") == database
