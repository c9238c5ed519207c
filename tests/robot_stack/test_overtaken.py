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


BOTH = (service(), service("victoriametrics", 50))
REMOVALS: dict[str, dict[str, Any]] = {
    "site.yml without it": {},
    "remove.yml for it": {"state": "absent", "scope": ["victoriametrics"]},
    "remove.yml for everything": {"state": "absent"},
}


@pytest.mark.parametrize("how", REMOVALS)
def test_what_another_run_removed_is_told_and_does_not_come_back(
    operator: Operator, robot: Robot, fake: FakeEngine, how: str
) -> None:
    operator.call(*BOTH)
    assert operator.call(*BOTH, state="proven", sent=False)["proven"], "so that there is a version to go back to"
    winner = (service(),) if not REMOVALS[how] else BOTH
    assert operator.call(*winner, **REMOVALS[how])["changed"]
    there, known = dict(fake.containers), good_versions.load(robot.root / ROOT)
    lost = operator.call(*BOTH, state="proven", sent=False)
    assert (lost["failed"], lost["proven"], lost["changed"]) == (True, False, False)
    assert "victoriametrics: overtaken: another run removed it" in lost["objections"]
    assert all(line.endswith(": overtaken: another run removed it") for line in lost["objections"])
    assert (fake.changes, fake.containers, good_versions.load(robot.root / ROOT)) == ([], there, known)


def test_what_another_run_stopped_is_told_and_stays_stopped(operator: Operator, fake: FakeEngine) -> None:
    operator.call(service())
    assert operator.call(service(), state="proven", sent=False)["proven"]
    operator.call(service(), stopped=["sensor_service"])
    lost = operator.call(service(), state="proven", sent=False)
    (objection,) = lost["objections"]
    assert objection.startswith("sensor_service: overtaken: another run declared it as stopped, at 1970-01-01 00:16:40")
    assert fake.changes == []
    assert not fake.containers[NAME]["State"]["Running"]
    assert operator.call(service(), state="proven", sent=False, stopped=["sensor_service"])["proven"]


def test_what_another_run_started_is_told_and_runs_on(operator: Operator, fake: FakeEngine) -> None:
    operator.call(service(), stopped=["sensor_service"])
    operator.call(service())
    lost = operator.call(service(), state="proven", sent=False, stopped=["sensor_service"])
    assert lost["objections"][0].startswith("sensor_service: overtaken: another run declared that it runs, at")
    assert fake.changes == []
    assert operator.call(service(), state="proven", sent=False)["proven"]


def test_another_change_of_what_both_keep_stopped_overtakes_nobody(operator: Operator) -> None:
    """It becomes as declared when it may run again, and until then it is neither's."""
    operator.call(service())
    operator.call(service(limit=40), stopped=["sensor_service"])
    operator.call(service(limit=50), stopped=["sensor_service"])
    told = operator.call(service(limit=40), state="proven", sent=False, stopped=["sensor_service"])
    assert "overtaken" not in str(told.get("msg"))


def test_what_another_run_added_is_told(operator: Operator, fake: FakeEngine) -> None:
    operator.call(service())
    operator.call(*BOTH)
    lost = operator.call(service(), state="proven", sent=False)
    (objection,) = lost["objections"]
    assert objection.startswith("victoriametrics: overtaken: another run declared it, at")
    assert (fake.changes, len(fake.containers)) == ([], 2)


def test_a_container_that_somebody_removed_by_hand_is_put_back(operator: Operator, fake: FakeEngine) -> None:
    operator.call(*BOTH)
    operator.call(*BOTH, state="proven", sent=False)
    del fake.containers[NAME]
    told = operator.call(*BOTH, state="proven", sent=False)
    assert told["objections"] == ["sensor_service: down (its container is not there)"]
    assert fake.containers[NAME]["State"]["Running"]
