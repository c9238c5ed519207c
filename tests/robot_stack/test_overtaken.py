"""Two controllers on one robot: the one that was overtaken says so, and leaves alone what the other one did."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records import good_versions
from robot_stack.fake_engine import FakeEngine
from robot_stack.operating import NAME, ROOT, Operator
from robot_stack.robots import MIB, Robot, parameters, service

pytestmark = pytest.mark.usefixtures("any_owner")
SMALLER: dict[str, Any] = {"budget": {**parameters()["budget"], "memory_budget_mib": 250}}


def memory(fake: FakeEngine) -> int:
    return int(fake.containers[NAME]["HostConfig"]["Memory"]) // MIB


def test_the_loser_says_that_its_declaration_was_overtaken(operator: Operator, robot: Robot, fake: FakeEngine) -> None:
    operator.call(service(limit=40))  # one controller
    operator.call(service(limit=50))  # another one, while the first one waits for its soak
    lost = operator.call(service(limit=40), state="proven", sent=False)
    assert (lost["failed"], lost["proven"], lost["changed"]) == (True, False, False)
    assert "the declaration of this run was overtaken" in lost["msg"]
    (objection,) = lost["objections"]
    assert objection.startswith(
        "sensor_service: overtaken: another run declared something else, at 1970-01-01 00:16:40"
    )
    assert (fake.changes, memory(fake)) == ([], 50), "what the other one made runs on"
    assert good_versions.load(robot.root / ROOT) == []
    won = operator.call(service(limit=50), state="proven", sent=False)
    assert (won["proven"], won.get("failed")) == (True, None)
    (good,) = good_versions.load(robot.root / ROOT)
    assert good.services["sensor_service"]["memory_limit_mib"] == 50


def test_another_budget_alone_overtakes_as_well(operator: Operator) -> None:
    operator.call(service())
    operator.call(service(), **SMALLER)
    lost = operator.call(service(), state="proven", sent=False)
    assert lost["objections"][0].startswith("stack: overtaken")
    assert operator.call(service(), state="proven", sent=False, **SMALLER)["proven"]


def test_the_same_declaration_twice_overtakes_nobody(operator: Operator) -> None:
    operator.call(service())
    operator.call(service())
    assert operator.call(service(), state="proven", sent=False)["proven"]


def test_another_service_by_its_own_run_overtakes_nobody(operator: Operator) -> None:
    operator.call(service())
    operator.call(service(), service("victoriametrics", 50), scope=["victoriametrics"])
    first = operator.call(service(), state="proven", sent=False, scope=["sensor_service"])
    assert first["proven"], first


def test_what_somebody_changed_by_hand_is_judged_and_not_overtaken(operator: Operator, fake: FakeEngine) -> None:
    operator.call(service())
    fake.containers[NAME]["HostConfig"]["Memory"] = 64 * MIB
    fake.containers[NAME]["State"] = {"Running": False, "Status": "exited", "Pid": 0}
    told = operator.call(service(), state="proven", sent=False)
    assert told["failed"]
    assert "overtaken" not in told["msg"]
    assert "down" in told["objections"][0]
