"""What passed the gate is remembered as good; what does not pass is put back to it, as a rollback by hand does."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.apply import apply
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine import delivery, image
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.plan import actions
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records import good_versions, state
from robot_stack.fake_engine import FakeEngine
from robot_stack.operating import ROOT, Operator
from robot_stack.robots import FINGERPRINT, IMAGE, MIB, Robot, service, write

pytestmark = pytest.mark.usefixtures("any_owner")
SENSOR, DATABASE = "robot-stack-sensor_service", "robot-stack-victoriametrics"
GONE = {"Running": False, "Status": "exited", "Pid": 0}
# Another image under the same name, as after a change of the product's own source.
OTHER = {**IMAGE, "Id": "sha256:2", "RootFS": {"Layers": ["sha256:a", "sha256:c"]}}


def rollout(operator: Operator, *services: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Deploy and judge, as the playbook does; return the judgement."""
    told = operator.call(*services, **more)
    return operator.call(*services, state="proven", sent=False, **{**more, "fresh": told["fresh"]})


def limit(fake: FakeEngine, name: str = SENSOR) -> int:
    return int(fake.containers[name]["HostConfig"]["Memory"]) // MIB


def die(fake: FakeEngine, name: str = SENSOR) -> None:
    fake.containers[name]["State"] = dict(GONE)


def test_what_passes_is_remembered_by_root_alone(operator: Operator, robot: Robot) -> None:
    declared = service(files=[{"path": "token", "content": "hunter2", "sensitive": True}])
    assert operator.call(declared)["proven"] is False
    told = operator.call(declared, state="proven", sent=False)
    assert (told["proven"], told["changed"], told.get("failed")) == (True, False, None)
    assert "hunter2" not in str(told)
    kept = robot.root / ROOT / good_versions.FILE
    assert kept.stat().st_mode & 0o777 == 0o600
    assert good_versions.load(robot.root / ROOT)[0].images == {"sensor_service": "sha256:1"}
    assert operator.call(declared)["proven"] is True
    assert operator.call(service(limit=40))["proven"] is False


def test_a_version_with_the_digests_of_other_robots_is_the_same_version(operator: Operator, robot: Robot) -> None:
    """Stored by an earlier version of this project, which told a robot of every architecture in the play."""
    digests = {"amd64": FINGERPRINT, "arm64": "sha256:other"}
    before = service(image={"reference": "sensor_service:1", "fingerprints": digests})
    rollout(operator, service(limit=24))
    rollout(operator, before)
    assert operator.call(service())["proven"] is True
    operator.call(service(), state="proven", sent=False)
    versions = good_versions.load(robot.root / ROOT)
    assert [one.services["sensor_service"]["memory_limit_mib"] for one in versions] == [32, 24]


@pytest.mark.parametrize("replaced", [False, True])
def test_an_old_kill_counts_only_where_the_service_was_replaced(
    operator: Operator, robot: Robot, replaced: bool
) -> None:
    """A declaration may differ in what the watchdog looks at alone: the container is the one that passed before."""
    rollout(operator, service())
    watched = service(filesystems=["/data"])
    told = operator.call(watched)
    assert told["plan"] == ["have the watchdog look after sensor_service"]
    known = state.load(robot.root / ROOT)
    killed = replace(known.services["sensor_service"], oom_kills=1, last_failure_at=500.0, cause=state.OUT_OF_MEMORY)
    state.save(known.with_service("sensor_service", killed), robot.root / ROOT)
    if replaced:  # by a run that was cut off before its gate
        versions = good_versions.load(robot.root / ROOT)
        good_versions.save([replace(versions[0], containers={"sensor_service": "another"})], robot.root / ROOT)
    told = operator.call(watched, state="proven", sent=False)
    assert told["proven"] is not replaced


def test_an_earlier_version_of_this_project_is_told_of_no_container(operator: Operator, robot: Robot) -> None:
    """It takes no key that it does not know."""
    rollout(operator, service())
    kept, former = (json.loads((robot.root / ROOT / name).read_text()) for name in good_versions.FILES)
    assert kept["versions"][0].pop("containers")["sensor_service"]
    assert former == kept["versions"]


def test_check_mode_remembers_and_restores_nothing(operator: Operator, robot: Robot, fake: FakeEngine) -> None:
    operator.call(service())
    operator.call(service(), state="proven", sent=False, check=True)
    assert not (robot.root / ROOT / good_versions.FILE).exists()
    die(fake)
    told = operator.call(service(), state="proven", sent=False, check=True, fresh=["sensor_service"])
    assert told["failed"]
    assert SENSOR in fake.containers


def test_a_robot_that_fails_its_gate_is_put_back_as_a_whole(operator: Operator, fake: FakeEngine) -> None:
    rollout(operator, service(), service("victoriametrics", 50))
    changed = (service(limit=40), service("victoriametrics", 60))
    operator.call(*changed)
    assert (limit(fake), limit(fake, DATABASE)) == (40, 60)
    die(fake)
    told = operator.call(*changed, state="proven", sent=False)
    assert (told["failed"], told["changed"], told["proven"]) == (True, True, False)
    assert told["objections"] == ["sensor_service: down (its container has ended)"]
    assert "put back to what was good there" in told["msg"]
    assert "sensor_service: its last log lines:\none\ntwo" in told["msg"]
    assert (limit(fake), limit(fake, DATABASE)) == (32, 50)
    assert fake.containers[SENSOR]["State"]["Running"]
    assert told["services"]["sensor_service"]["verdict"] == "ok"  # by what runs now, not by what failed
    assert operator.call(service(), service("victoriametrics", 50))["plan"] == []


def test_the_ceiling_goes_back_too(operator: Operator, fake: FakeEngine) -> None:
    rollout(operator, service(limit=150))
    less = {"memory_budget_mib": 200, "memory_reserve_mib": 150, "engine_memory_allowance_mib": 128}
    told = operator.call(service(limit=40), budget=less)
    assert told["budget"]["slice_limit_mib"] == 200
    die(fake)
    told = operator.call(service(limit=40), budget=less, state="proven", sent=False)
    assert (told["budget"]["slice_limit_mib"], limit(fake)) == (300, 150)


@pytest.fixture
def ceilings(robot: Robot, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The ceiling (MiB) at the moments at which a container is made."""
    found: list[int] = []
    file = "memory/robotstack.slice/memory.limit_in_bytes" if robot.version == 1 else "robotstack.slice/memory.max"
    real = apply.Applier._do

    def do(self: apply.Applier, step: Any) -> None:
        if isinstance(step.action, actions.MakeContainer):
            found.append(int((robot.root / "sys/fs/cgroup" / file).read_text()) // MIB)
        real(self, step)

    monkeypatch.setattr(apply.Applier, "_do", do)
    return found


LESS = {"memory_budget_mib": 200, "memory_reserve_mib": 150, "engine_memory_allowance_mib": 128}


@pytest.mark.parametrize("robot", [1, 2], indirect=True)
def test_a_ceiling_comes_down_after_the_containers_and_goes_up_before_them(
    operator: Operator, ceilings: list[int]
) -> None:
    """Lowered first, it would have the kernel kill what is still large, or be refused."""
    rollout(operator, service(limit=150))
    ceilings.clear()
    shown = operator.call(service(limit=40), service("victoriametrics", 20), budget=LESS, check=True)
    told = operator.call(service(limit=40), service("victoriametrics", 20), budget=LESS)
    assert told["plan"] == shown["plan"], "a plan is in the order in which it is done"
    assert (ceilings, told["budget"]["slice_limit_mib"]) == ([300, 300], 200)
    assert told["plan"][-1] == "cap the whole stack at 200 MiB (was 300 MiB) in robotstack.slice"
    assert told["fresh"] == ["victoriametrics"], "it goes if the gate refuses it"
    again = operator.call(service(limit=40), service("victoriametrics", 20), budget=LESS)
    assert again["plan"] == []
    ceilings.clear()
    operator.call(service(limit=150))
    assert ceilings == [300]


def test_the_way_back_to_a_lower_ceiling_is_the_same(operator: Operator, ceilings: list[int]) -> None:
    rollout(operator, service(limit=40), budget=LESS)
    rollout(operator, service(limit=150))
    ceilings.clear()
    told = operator.call(service(limit=150), state="restored", sent=False)
    assert (ceilings, told["budget"]["slice_limit_mib"]) == ([300], 200)


def test_images_from_before_the_last_two_good_versions_go(operator: Operator, fake: FakeEngine) -> None:
    rollout(operator, service())
    for number in (2, 3):
        fake.brings = {**OTHER, "Id": f"sha256:{number}", "RootFS": {"Layers": ["sha256:a", f"sha256:{number}"]}}
        rollout(
            operator,
            service(image={"reference": "sensor_service:1", "fingerprints": {"amd64": image.fingerprint(fake.brings)}}),
        )
    assert {found["Id"] for found in fake.images.values()} == {"sha256:2", "sha256:3"}


@pytest.mark.parametrize("had", [[], ["sha256:1"]])
def test_an_image_whose_delivery_was_cut_off_is_known_as_ours(
    operator: Operator, robot: Robot, fake: FakeEngine, monkeypatch: pytest.MonkeyPatch, had: list[str]
) -> None:
    """Also the one that lost its name to it: else nobody would ever remove them."""
    if had:
        operator.call(service())
    fake.brings = OTHER
    load = delivery.load

    def cut(*arguments: Any) -> None:
        load(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as power:
        power.setattr(delivery, "load", cut)
        with pytest.raises(KeyboardInterrupt):
            operator.call(
                service(image={"reference": "sensor_service:1", "fingerprints": {"amd64": image.fingerprint(OTHER)}})
            )
    assert fake.images["sensor_service:1"]["Id"] == "sha256:2"
    assert state.load(robot.root / ROOT).images == sorted(["sensor_service:1", *had])


def test_somebody_elses_image_is_not_ours_before_ours_has_its_name(
    operator: Operator, robot: Robot, fake: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.images["sensor_service:1"] = {**OTHER, "Id": "sha256:theirs"}

    def cut(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(delivery, "load", cut)
    with pytest.raises(KeyboardInterrupt):
        operator.call(service())
    assert state.load(robot.root / ROOT).images == []


def test_an_image_gets_its_name_back(operator: Operator, robot: Robot, fake: FakeEngine) -> None:
    rollout(operator, service())
    fake.brings = OTHER
    new = service(image={"reference": "sensor_service:1", "fingerprints": {"amd64": image.fingerprint(OTHER)}})
    operator.call(new)
    assert fake.images["sensor_service:1"]["Id"] == "sha256:2"
    die(fake)
    told = operator.call(new, state="proven", sent=False)
    assert "give image sensor_service:1 its name back" in told["rolled_back"]
    assert (fake.images["sensor_service:1"]["Id"], fake.containers[SENSOR]["Image"]) == ("sha256:1", "sha256:1")
    assert "sha256:2" not in [found["Id"] for found in fake.images.values()], "what failed takes no room"
    assert state.load(robot.root / ROOT).image_history == {"sensor_service": ["sha256:1"]}


def test_the_way_back_is_not_pruned(operator: Operator, fake: FakeEngine) -> None:
    rollout(operator, service())
    third = {**IMAGE, "Id": "sha256:3", "RootFS": {"Layers": ["sha256:d"]}}
    for brought in (OTHER, third):  # two runs that were cut off before their gate
        fake.brings = brought
        new = service(image={"reference": "sensor_service:1", "fingerprints": {"amd64": image.fingerprint(brought)}})
        operator.call(new)
    assert "sha256:1" in [found["Id"] for found in fake.images.values()]
    die(fake)
    operator.call(new, state="proven", sent=False)
    assert fake.containers[SENSOR]["Image"] == "sha256:1"


def test_an_image_that_is_gone_is_told(operator: Operator, fake: FakeEngine) -> None:
    rollout(operator, service())
    fake.brings = OTHER
    new = service(image={"reference": "sensor_service:1", "fingerprints": {"amd64": image.fingerprint(OTHER)}})
    operator.call(new)
    del fake.images["robot-stack/kept:1"]
    die(fake)
    told = operator.call(new, state="proven", sent=False)
    assert "could not be put back" in told["msg"]
    assert "the image that sensor_service ran is no longer on this robot" in told["msg"]


def test_what_is_never_healthy_takes_the_others_back_with_it(operator: Operator, fake: FakeEngine) -> None:
    rollout(operator, service(), service("victoriametrics", 50))
    fake.failing = "nonsense"
    with pytest.raises(apply.ServiceFailedError) as caught:
        operator.call(service(limit=40), service("victoriametrics", 50, command=["nonsense"]))
    assert "the last good container was put back" in str(caught.value)
    assert f"- recreate container {SENSOR}: Memory is 40.0 MiB, not 32.0 MiB" in str(caught.value)
    assert (limit(fake), sorted(fake.containers)) == (32, [SENSOR, DATABASE])


@pytest.mark.parametrize("later", [True, False])
def test_a_first_deployment_that_fails_leaves_nothing_running(
    operator: Operator, robot: Robot, fake: FakeEngine, later: bool
) -> None:
    database = service("victoriametrics", 50, command=["nonsense"], data=[{"name": "data", "target": "/data"}])
    fake.failing = "" if later else "nonsense"
    if later:
        told = operator.call(service(), database)
        die(fake, DATABASE)
        told = operator.call(service(), database, state="proven", sent=False, fresh=told["fresh"])
        assert "sensor_service, victoriametrics did not run there before and was removed" in told["msg"]
    else:
        with pytest.raises(apply.ServiceFailedError):
            operator.call(service(), database)
    assert fake.containers == {}
    assert (robot.root / ROOT / "victoriametrics/data").is_dir()
    assert not (robot.root / ROOT / good_versions.FILE).exists()


def test_a_new_service_that_fails_goes_and_the_good_one_stays(operator: Operator, fake: FakeEngine) -> None:
    rollout(operator, service())
    both = (service(), service("victoriametrics", 50))
    told = operator.call(*both)
    die(fake, DATABASE)
    operator.call(*both, state="proven", sent=False, fresh=told["fresh"])
    assert list(fake.containers) == [SENSOR]


def test_what_ran_before_and_was_never_judged_is_left_alone(operator: Operator, fake: FakeEngine) -> None:
    operator.call(service())
    die(fake)
    told = operator.call(service(), state="proven", sent=False, fresh=[])
    assert "no good version of sensor_service is known there: what runs was left as it is" in told["msg"]
    assert list(fake.containers) == [SENSOR]


def test_a_scope_puts_back_that_service_alone(operator: Operator, fake: FakeEngine) -> None:
    rollout(operator, service(), service("victoriametrics", 50))
    both = (service(limit=40), service("victoriametrics", 60))
    operator.call(*both, scope=["victoriametrics"])
    operator.call(*both, scope=["sensor_service"])
    die(fake)
    operator.call(*both, scope=["sensor_service"], state="proven", sent=False)
    assert (limit(fake), limit(fake, DATABASE)) == (32, 60)


def test_a_rollback_by_hand_goes_one_version_back_and_no_further(
    operator: Operator, robot: Robot, fake: FakeEngine
) -> None:
    for mib in (30, 32, 34):
        rollout(operator, service(limit=mib))
    told = operator.call(service(limit=34), state="restored", sent=False, check=True)
    assert (told["changed"], limit(fake), fake.changes) == (True, 34, [])
    done = operator.call(service(limit=34), state="restored", sent=False)
    assert (done["plan"], limit(fake), done.get("failed")) == (told["plan"], 32, None)
    assert done["services"]["sensor_service"]["verdict"] == "ok"
    again = operator.call(service(limit=34), state="restored", sent=False)
    assert (again["failed"], again["changed"], limit(fake)) == (True, False, 32)
    assert "there is none to go back to" in again["msg"]


def test_a_rollback_by_hand_does_not_ask_the_inventory(operator: Operator, fake: FakeEngine) -> None:
    for mib in (30, 32):
        rollout(operator, service(limit=mib))
    declared = service(limit=900, image={"reference": "sensor_service:9", "fingerprints": {}})
    assert operator.call(declared, state="restored", sent=False).get("failed") is None
    assert (limit(fake), fake.containers[SENSOR]["Config"]["Image"]) == (30, "sensor_service:1")


def test_a_rollback_of_a_robot_that_was_never_good_says_so(operator: Operator, fake: FakeEngine) -> None:
    operator.call(service())
    told = operator.call(service(), state="restored", sent=False)
    assert told["failed"]
    assert "no version of the stack has passed the gate on this robot" in told["msg"]


def test_a_rollback_puts_right_what_was_changed_by_hand(operator: Operator, robot: Robot, fake: FakeEngine) -> None:
    for mib in (30, 32):
        rollout(operator, service(limit=mib))
    fake.containers[SENSOR]["HostConfig"]["Memory"] = 64 * MIB
    operator.call(service(limit=32), state="restored", sent=False)
    assert limit(fake) == 32
    assert len(good_versions.load(robot.root / ROOT)) == 2


def test_a_scoped_rollback_leaves_the_other_service(operator: Operator, robot: Robot, fake: FakeEngine) -> None:
    rollout(operator, service(), service("victoriametrics", 50))
    rollout(operator, service(limit=40), service("victoriametrics", 60))
    both = (service(limit=40), service("victoriametrics", 60))
    operator.call(*both, state="restored", scope=["sensor_service"], sent=False)
    assert (limit(fake), limit(fake, DATABASE)) == (32, 60)
    (now,) = good_versions.load(robot.root / ROOT)
    assert {name: raw["memory_limit_mib"] for name, raw in now.services.items()} == {
        "sensor_service": 32,
        "victoriametrics": 60,
    }


def test_removal_forgets_what_was_good(operator: Operator, robot: Robot) -> None:
    rollout(operator, service(), service("victoriametrics", 50))
    operator.call(service(), service("victoriametrics", 50), state="absent", scope=["sensor_service"], sent=False)
    (left,) = good_versions.load(robot.root / ROOT)
    assert list(left.services) == ["victoriametrics"]
    operator.call(service(), service("victoriametrics", 50), state="absent", sent=False)
    assert not (robot.root / ROOT / good_versions.FILE).exists()
    write(robot.root / ROOT / good_versions.FORMER, json.dumps([]))  # a removal that was cut off
    assert operator.call(service(), state="absent", sent=False)["plan"] == [
        f"remove /{ROOT}/{good_versions.FORMER}",
    ]
