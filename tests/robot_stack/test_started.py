"""A container that is as declared and does not run is started as it is: its log stays, and so does its history."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.apply import apply, replacement
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.protocol import FoundImage
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.plan import actions, plan
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.plan.step import Step
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records import state
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec import parse
from robot_stack.fake_engine import FakeEngine
from robot_stack.operating import NAME, ROOT, Operator
from robot_stack.robots import MIB, Robot, service
from robot_stack.test_plan import change, declared, difference, done, kinds
from robot_stack.test_rollback import limit, rollout

pytestmark = pytest.mark.usefixtures("any_owner")
ENDED: dict[str, Any] = {"Running": False, "Status": "exited", "Pid": 0, "ExitCode": 137}
PAUSED: dict[str, Any] = {"Running": True, "Paused": True, "Status": "paused", "Pid": 0}
WITH_FILE = service(files=[{"path": "a", "content": "new\n"}])


# The plan


@pytest.mark.parametrize("status", ["exited", "created", "paused"])
def test_what_is_as_declared_and_does_not_run_is_started(status: str) -> None:
    stack = declared()
    seen = done(stack)
    change(seen, running=status == "paused", status=status)
    (step,) = plan.make(stack, seen).steps
    assert (type(step.action), step.summary) == (actions.StartContainer, f"start container {NAME}: it is {status}")
    assert (difference(step)["before"], difference(step)["after"]) == (f"state: {status}\n", "state: running\n")


@pytest.mark.parametrize("status", ["dead", "removing", ""])
def test_what_no_engine_can_start_is_made_anew(status: str) -> None:
    stack = declared()
    seen = done(stack)
    change(seen, running=False, status=status)
    assert kinds(plan.make(stack, seen)) == [actions.MakeContainer]


@pytest.mark.parametrize("found", [{"memory": 64 * MIB}, {"restart_policy": "no"}, {"spec": "other"}])
def test_what_differs_too_is_made_anew(found: dict[str, Any]) -> None:
    stack = declared()
    seen = done(stack)
    change(seen, running=False, status="exited", **found)
    assert kinds(plan.make(stack, seen)) == [actions.MakeContainer]


def test_what_shall_run_another_image_or_was_made_by_hand_is_made_anew() -> None:
    stack = declared()
    seen = done(stack)
    change(seen, running=False, status="exited")
    new = {"sensor_service:1": FoundImage("sha256:2", seen.images["sensor_service:1"].fingerprint, [], [])}
    assert kinds(plan.make(stack, dataclasses.replace(seen, images=new))) == [actions.MakeContainer]
    records = {"sensor_service": state.ServiceRecord(made="ours")}
    seen = dataclasses.replace(seen, state=dataclasses.replace(seen.state, services=records))
    change(seen, id="theirs")
    assert kinds(plan.make(stack, seen)) == [actions.MakeContainer]


def test_a_file_is_read_by_what_starts_and_not_by_what_is_woken() -> None:
    stack = declared(WITH_FILE)
    seen = done(stack)
    written = {path: found for path, found in seen.found_files.items() if not path.endswith("/a")}
    seen = dataclasses.replace(seen, found_files=written)
    change(seen, running=False, status="exited")
    assert kinds(plan.make(stack, seen)) == [actions.WriteServiceFile, actions.StartContainer]
    change(seen, running=True, status="paused")
    assert kinds(plan.make(stack, seen)) == [actions.WriteServiceFile, actions.MakeContainer]


# The run


@pytest.mark.parametrize("how", [ENDED, PAUSED])
def test_a_run_starts_it_and_changes_nothing_else(
    operator: Operator, robot: Robot, fake: FakeEngine, how: dict[str, Any]
) -> None:
    operator.call(service())
    ours, known = fake.containers[NAME]["Id"], state.load(robot.root / ROOT).services["sensor_service"]
    fake.containers[NAME]["State"] = dict(how)
    checked = operator.call(service(), check=True, sent=False)
    assert fake.changes == []
    told = operator.call(service())
    assert told["plan"] == checked["plan"] == [f"start container {NAME}: it is {how['Status']}"]
    assert [call.rpartition("/")[2] for call in fake.changes] == ["unpause" if "Paused" in how else "start"]
    assert (told["changed"], told["verdict"], fake.containers[NAME]["Id"]) == (True, "ok", ours)
    assert state.load(robot.root / ROOT).services["sensor_service"].deployed_at == known.deployed_at
    again = operator.call(service())
    assert (again["changed"], again["plan"]) == (False, [])


def test_what_an_operator_keeps_stopped_stays_so_and_a_scope_leaves_the_others_alone(
    operator: Operator, fake: FakeEngine
) -> None:
    operator.call(service(), service("victoriametrics", 50))
    for found in fake.containers.values():
        found["State"] = dict(ENDED)
    told = operator.call(service(), service("victoriametrics", 50), stopped=["sensor_service"])
    assert [line for line in told["plan"] if line.startswith("start")] == [
        "start container robot-stack-victoriametrics: it is exited"
    ]
    assert not fake.containers[NAME]["State"]["Running"]
    fake.containers["robot-stack-victoriametrics"]["State"] = dict(ENDED)
    operator.call(service(), service("victoriametrics", 50), scope=["sensor_service"])
    assert fake.containers[NAME]["State"]["Running"]
    assert not fake.containers["robot-stack-victoriametrics"]["State"]["Running"]


def test_a_rollback_by_hand_does_not_take_a_stop_for_another_version(operator: Operator, fake: FakeEngine) -> None:
    rollout(operator, service())
    rollout(operator, service(limit=40))
    fake.containers[NAME]["State"] = dict(ENDED)
    told = operator.call(service(limit=40), state="restored", sent=False)
    assert (told["changed"], limit(fake)) == (True, 32)


def test_what_the_engine_refuses_to_start_is_made_anew_and_told_so(
    operator: Operator, fake: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator.call(service())
    ours = fake.containers[NAME]["Id"]
    fake.containers[NAME]["State"] = dict(ENDED)
    answer = fake.answer

    def refuse(method: str, target: str, body: bytes) -> Any:
        if target.endswith(f"/{NAME}/start") and fake.containers[NAME]["Id"] == ours:
            return 500, {"message": "layer does not exist"}
        return answer(method, target, body)

    monkeypatch.setattr(fake, "answer", refuse)
    told = operator.call(service())
    assert (told["changed"], told["verdict"]) == (True, "ok")
    assert list(fake.containers) == [NAME]
    assert fake.containers[NAME]["Id"] != ours
    assert told["plan"] == [f"recreate container {NAME}: it could not be started (layer does not exist)"]


def test_what_was_done_otherwise_is_told_of_its_own_step_whatever_the_sentences(operator: Operator) -> None:
    first, second = (Step(actions.StartContainer({}), name, "start a container") for name in ("a", "b"))
    stack = parse.parse(operator.parameters(service()))
    applier = apply.Applier(stack, operator.robot.roots, operator.engine(), {})
    otherwise = Step(actions.StartContainer({}), "a", "recreate a container")
    applier.otherwise[actions.StartContainer, "a"] = otherwise
    assert [applier.as_done(step) for step in (first, second)] == [otherwise, second]


def test_where_neither_can_be_started_both_reasons_are_told_and_nothing_is_lost(
    operator: Operator, fake: FakeEngine
) -> None:
    operator.call(service())
    ours = fake.containers[NAME]["Id"]
    fake.containers[NAME]["State"] = dict(ENDED)
    fake.errors[f"POST /containers/{NAME}/start"] = (500, b'{"message": "no such runtime"}')
    with pytest.raises(apply.ServiceFailedError) as caught:
        operator.call(service())
    assert f"no such runtime; {replacement.PUT_BACK}, and cannot be started: no such runtime" in str(caught.value)
    assert (list(fake.containers), fake.containers[NAME]["Id"]) == ([NAME], ours)


def test_what_ends_again_is_told_with_its_last_words_and_stays(operator: Operator, fake: FakeEngine) -> None:
    operator.call(service())
    ours = fake.containers[NAME]["Id"]
    fake.containers[NAME]["State"] = dict(ENDED)
    fake.failing = "sensor_service"
    with pytest.raises(
        apply.ServiceFailedError, match=r"sensor_service: its container ended \(exit code 2\)"
    ) as caught:
        operator.call(service())
    assert "its container is as declared, and was started as it is" in str(caught.value)
    assert "one\ntwo" in str(caught.value)
    assert (list(fake.containers), fake.containers[NAME]["Id"]) == ([NAME], ours)


@pytest.mark.parametrize("counted", [0, 3])
def test_an_engine_that_counts_on_is_not_taken_for_a_service_that_ends(
    operator: Operator, fake: FakeEngine, counted: int
) -> None:
    operator.call(service())
    fake.containers[NAME].update(State=dict(ENDED), RestartCount=3)
    operator.pause = lambda _: fake.containers[NAME].update(RestartCount=counted)
    assert operator.call(service())["changed"]
    fake.containers[NAME].update(State=dict(ENDED), RestartCount=3)
    operator.pause = lambda _: fake.containers[NAME].update(RestartCount=1)
    with pytest.raises(apply.ServiceFailedError, match="its container ended"):
        operator.call(service())


def test_what_a_run_had_made_and_was_cut_off_before_it_ran_is_started_and_remembered_as_ours(
    operator: Operator, robot: Robot, fake: FakeEngine
) -> None:
    operator.call(service())
    known = state.load(robot.root / ROOT)
    state.save(known.without_service("sensor_service"), robot.root / ROOT)
    fake.containers[NAME]["State"] = {"Running": False, "Status": "created", "Pid": 0}
    told = operator.call(service())
    assert f"start container {NAME}: it is created" in told["plan"]
    record = state.load(robot.root / ROOT).services["sensor_service"]
    assert record.made == record.container == fake.containers[NAME]["Id"]
    assert state.load(robot.root / ROOT).image_history["sensor_service"] == known.image_history["sensor_service"]
