"""A service's verdict: each has its rule, and the worst of all counts."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.host import cgroup
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.judge import readback
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.judge import verdict as judge
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records import state
from hypothesis import given
from hypothesis import strategies as st
from robot_stack.robots import MIB

GOOD = readback.Reading(
    "s",
    32 * MIB,
    status="running",
    container="c",
    limits=cgroup.Limits(32 * MIB, 0),
    smallest=(32 * MIB, "/x"),
    usage=cgroup.Usage(8 * MIB, 0, 4 * MIB, MIB, 100, 0),
    below_ceiling=True,
)


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({}, "ok"),
        ({"status": "exited"}, "down"),
        ({"healthy": "HTTP 500"}, "down"),
        ({"limits": cgroup.Limits(None, None)}, "unlimited"),
        ({"limits": cgroup.Limits(32 * MIB, 32 * MIB)}, "unlimited"),
        ({"smallest": (16 * MIB, "/y")}, "unlimited"),
        ({"below_ceiling": False}, "unlimited"),
        ({"evidence": 64.0 * MIB}, "unlimited"),
        ({"record": state.ServiceRecord("c", oom_kills=1, last_failure_at=1200.0)}, "killed"),
        ({"faults_per_minute": 10.1}, "thrashing"),
        ({"faults_per_minute": 10.0}, "ok"),
        ({"usage": cgroup.Usage(8 * MIB, 0, 0, 0, 100, 0, 20.0)}, "thrashing"),
        ({"usage": cgroup.Usage(32 * MIB, 0, 26 * MIB, 0, 100, 0)}, "tight"),
        ({"usage": cgroup.Usage(32 * MIB, 0, 5 * MIB, 0, 100, 0)}, "ok"),
    ],
)
def test_each_verdict_has_its_rule(change: dict[str, Any], verdict: str) -> None:
    judged = judge.service(dataclasses.replace(GOOD, **change), swap_total=MIB, now=1300.0)
    assert judged.verdict == verdict, judged.reasons
    assert bool(judged.reasons) == (verdict != "ok")


@given(st.lists(st.sampled_from(judge.VERDICTS)))
def test_the_worst_verdict_wins(verdicts: list[str]) -> None:
    assert judge.worst(verdicts) == max(verdicts, key=judge.VERDICTS.index, default="ok")
