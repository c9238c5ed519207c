"""The power is cut: all that shall run comes back by itself with its samples; what was stopped on purpose does not."""

from __future__ import annotations

import contextlib
import json
import time
from typing import Any

import power
from failures import answers, watched
from quadlet import conmon
from waiting import patience, until

FLUSH_SECONDS = 5  # victoriametrics_flush_interval
DATABASE, SENSOR = "http://127.0.0.1:8428/health", "http://127.0.0.1:9101/healthz"


def is_back(robot: Any, *pages: str) -> bool:
    """Whether pages answer again; nobody has done anything to the robot."""
    try:
        return all("OK" in robot.get(url).upper() for url in pages)
    except (AssertionError, RuntimeError):
        return False


def test_everything_comes_back_by_itself_with_its_samples(robot: Any) -> None:
    first = float(robot.query("tfirst_over_time(node_load1[1h])")[0]["value"][1])
    # what comes in waits for some seconds, then twice for the interval at most (docs/operations.md); nothing tells when
    # it is on disk, so that what is much older is looked at
    flushed = time.time()
    until(lambda: time.time() > flushed + 5 * FLUSH_SECONDS, "it is on disk")
    count = int(robot.query(f"count_over_time(node_load1[1h] @ {flushed:.0f})")[0]["value"][1])
    assert count > 1
    boot = robot.run("cat /proc/sys/kernel/random/boot_id")
    power.cut(robot)
    until(lambda: is_back(robot, DATABASE, SENSOR), "the stack comes back by itself", patience(robot))
    assert robot.run("cat /proc/sys/kernel/random/boot_id") != boot
    assert float(robot.query("tfirst_over_time(node_load1[1h])")[0]["value"][1]) == first
    assert int(robot.query(f"count_over_time(node_load1[1h] @ {flushed:.0f})")[0]["value"][1]) == count


def test_what_was_stopped_on_purpose_stays_so_over_a_cut(robot: Any, playbook: Any) -> None:
    power.wait_until(robot, "systemctl is-system-running --wait | grep -qE 'running|degraded'")
    database = robot.started_at("victoriametrics")
    stopped = json.dumps({"robot_stack_stopped_services": ["sensor_service"]})
    done = playbook("playbooks/site.yml", "-e", stopped)
    assert done.returncode == 0, done.stdout
    assert robot.started_at("victoriametrics") == database, "after the cut there was nothing else to do"
    power.cut(robot)
    until(lambda: is_back(robot, DATABASE), "the database comes back by itself", patience(robot))

    def looked() -> bool:
        with contextlib.suppress(AssertionError, StopIteration):  # no look since the boot
            return watched(robot, "robot_stack_service_kept_stopped") == 1
        return False

    until(looked, "the watchdog has seen it, and let it be", patience(robot))
    assert not answers(robot)
    assert not conmon(robot, "sensor_service")


def test_the_next_run_starts_it_and_nothing_else(robot: Any, playbook: Any) -> None:
    power.wait_until(robot, "systemctl is-system-running --wait | grep -qE 'running|degraded'")
    database = robot.started_at("victoriametrics")
    done = playbook("playbooks/site.yml")
    assert done.returncode == 0, done.stdout
    assert answers(robot)
    assert robot.started_at("victoriametrics") == database
