"""The clock jumps under everything that runs, weeks ahead and then to 1970, and is put right: nobody takes harm.

Ahead it stays within the retention: beyond that the database drops what is too old by such a clock
(docs/raspberry-pi.md).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from failures import kept
from kept import history
from waiting import patience, until

PAGE = "/run/robot-stack/metrics/robot_stack.prom"
AHEAD = 20 * 86_400  # seconds
IN_1970 = 2 * 86_400  # since 1970; no clock of Linux's can be set to before its own start
SOON = 3_600
TIGHT = 1  # the worst verdict that passes, among those that the page numbers
COUNTED = ("restarts", "oom_kills", "hangs", "starts")


@pytest.fixture
def put_clock(robot: Any) -> Iterator[Callable[[float], None]]:
    def put(moment: float) -> None:
        robot.run(f"date --utc --set=@{moment:.3f}")

    yield put
    put(time.time())


def is_well(robot: Any) -> bool:
    """Whether the watchdog's last look had nothing against any service, the engine and the stack."""
    found = re.findall(r"^robot_stack_(?:service|engine|stack)_verdict\S* (\d+)$", robot.run(f"cat {PAGE}"), re.M)
    return len(found) == len(robot.services) + 2 and all(int(verdict) <= TIGHT for verdict in found)


def looked_at(robot: Any) -> float:
    """When the watchdog's last look was, by the robot's clock."""
    (found,) = re.findall(r"^robot_stack_watchdog_last_look_timestamp_seconds (\S+)$", robot.run(f"cat {PAGE}"), re.M)
    return float(found)


def happened(robot: Any) -> dict[str, list[Any]]:
    """What was done to each service, and by whom it was restarted."""
    return {
        service: [robot.started_at(service), *(kept(robot, service)[what] for what in COUNTED)]
        for service in robot.services
    }


def look_after(robot: Any, moment: float) -> float:
    """Wait for a look after ``moment``, and soon after it, by a clock that was set to it; return when that was."""
    until(lambda: moment < looked_at(robot) < moment + SOON, "the watchdog's timer goes on", patience(robot))
    assert is_well(robot), robot.run(f"cat {PAGE}")
    return looked_at(robot)


def test_a_clock_that_jumps_and_is_put_right_costs_no_sample_and_no_good_verdict(
    robot: Any, playbook: Any, put_clock: Callable[[float], None]
) -> None:
    # what a deployment stirs up has settled: it tells of no clock
    until(lambda: is_well(robot), "all is well", patience(robot))
    before, engine = happened(robot), robot.run("pidof dockerd containerd")
    true = time.time() - 30  # what is older than that can be asked for
    samples = history(robot, true)
    assert "timestamps" in samples
    for moment in (time.time() + AHEAD, IN_1970):
        put_clock(moment)
        look_after(robot, moment)
    right = time.time()
    put_clock(right)
    look_after(robot, look_after(robot, right))
    until(lambda: history(robot, time.time(), time.time() - right), "samples come in again", patience(robot))
    assert history(robot, true) == samples, "no sample that had a true time is lost"
    assert (happened(robot), robot.run("pidof dockerd containerd")) == (before, engine)
    judged = playbook("playbooks/verify.yml")
    assert judged.returncode == 0, judged.stdout
    assert "differs" not in judged.stdout
