"""The power is cut while everything runs: the stack comes back by itself, inside its budget, with its samples."""

from __future__ import annotations

import time
from typing import Any

import power
from waiting import patience, until

FLUSH_SECONDS = 5  # victoriametrics_flush_interval
PAGES = ("http://127.0.0.1:8428/health", "http://127.0.0.1:9101/healthz")


def is_back(robot: Any) -> bool:
    """Whether both services answer again; nobody has done anything to the robot."""
    try:
        return all("OK" in robot.get(url).upper() for url in PAGES)
    except (AssertionError, RuntimeError):
        return False


def test_the_stack_comes_back_by_itself_with_its_samples(robot: Any) -> None:
    first = float(robot.query("tfirst_over_time(node_load1[1h])")[0]["value"][1])
    # what comes in waits for some seconds, then twice for the interval at most (docs/operations.md); nothing tells when
    # it is on disk, so that what is much older is looked at
    flushed = time.time()
    until(lambda: time.time() > flushed + 5 * FLUSH_SECONDS, "it is on disk")
    count = int(robot.query(f"count_over_time(node_load1[1h] @ {flushed:.0f})")[0]["value"][1])
    assert count > 1
    boot, database = robot.run("cat /proc/sys/kernel/random/boot_id"), robot.started_at("victoriametrics")
    power.cut(robot)
    until(lambda: is_back(robot), "the stack comes back by itself", patience(robot))
    assert robot.run("cat /proc/sys/kernel/random/boot_id") != boot
    assert robot.started_at("victoriametrics") != database
    assert float(robot.query("tfirst_over_time(node_load1[1h])")[0]["value"][1]) == first
    assert int(robot.query(f"count_over_time(node_load1[1h] @ {flushed:.0f})")[0]["value"][1]) == count


def test_a_run_after_the_cut_changes_nothing(robot: Any, playbook: Any) -> None:
    power.wait_until(robot, "systemctl is-system-running --wait | grep -qE 'running|degraded'")
    before = [robot.started_at(service) for service in robot.services]
    done = playbook("playbooks/site.yml")
    assert done.returncode == 0, done.stdout
    assert "changed=0" in done.stdout
    assert [robot.started_at(service) for service in robot.services] == before
