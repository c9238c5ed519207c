"""A robot whose power is cut while everything runs: the stack is back by itself, with what it had on disk."""

from __future__ import annotations

import time
from typing import Any

import power
from waiting import patience, until

FLUSH_SECONDS = 5  # victoriametrics_flush_interval of the scenarios that cut the power
PAGES = DATABASE, SENSOR = "http://127.0.0.1:8428/health", "http://127.0.0.1:9101/healthz"


def is_back(robot: Any, *pages: str) -> bool:
    """Whether pages, or both services', answer again; nobody has done anything to the robot."""
    try:
        return all("OK" in robot.get(url).upper() for url in pages or PAGES)
    except (AssertionError, RuntimeError):  # no answer; no SSH yet
        return False


def wait_until_it_is_back(robot: Any, *pages: str) -> None:
    """Wait until the stack, or some pages of it, are there. Raises AssertionError."""
    until(lambda: is_back(robot, *pages), "the stack comes back by itself", patience(robot))


def samples_until(moment: int) -> str:
    """Return the query for how many samples there are of the hour before ``moment`` (seconds since 1970)."""
    return f"count_over_time(node_load1[1h] @ {moment})"


def on_disk(robot: Any) -> tuple[int, ...]:
    """Return a moment, and how many samples until then are on disk for certain; () while those are not several.

    What comes in waits for some seconds, then twice for the interval at most (docs/operations.md). Nothing tells when a
    sample is on disk, not even /internal/force_flush: that makes it visible, and may keep it in memory.
    """
    moment = int(time.time()) - 5 * FLUSH_SECONDS
    found = robot.query_now(samples_until(moment))
    count = int(found[0]["value"][1]) if found else 0
    return (moment, count) if count > 1 else ()


def comes_back_with_its_samples(robot: Any) -> None:
    """Cut the power, and compare the samples that were on disk. Raises AssertionError."""
    first = float(robot.query("tfirst_over_time(node_load1[1h])")[0]["value"][1])
    moment, count = until(lambda: on_disk(robot), "some samples are old enough to be on disk", patience(robot))
    before = robot.started_at("victoriametrics")
    power.cut(robot)
    wait_until_it_is_back(robot)
    assert robot.started_at("victoriametrics") != before
    assert float(robot.query("tfirst_over_time(node_load1[1h])")[0]["value"][1]) == first
    assert int(robot.query(samples_until(moment))[0]["value"][1]) == count
