"""A whole call on a robot with an engine of somebody else's, spoken to over its socket; with cgroup v1 and with v2."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.apply import apply
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.base import lock
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.protocol import EngineError
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records import state
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.run import run
from robot_stack.fake_engine import FakeEngine
from robot_stack.operating import NAME, ROOT, Operator
from robot_stack.robots import IMAGE, MIB, Robot, service, write

pytestmark = [pytest.mark.usefixtures("any_owner"), pytest.mark.parametrize("robot", [1, 2], indirect=True)]


def test_what_is_declared_becomes_true_and_stays(operator: Operator, robot: Robot, fake: FakeEngine) -> None:
    first = operator.call(service(), service("victoriametrics", 50))
    assert (first["changed"], first["verdict"], first.get("failed")) == (True, "ok", None), first
    assert {name: row["kernel_limit_mib"] for name, row in first["services"].items()} == {
        "sensor_service": 32.0,
        "victoriametrics": 50.0,
    }
    row = first["services"]["sensor_service"]
    assert (row["kernel_swap_mib"], row["unreclaimable_mib"], row["working_set_mib"]) == (0.0, 4.0, 4.0)
    assert row["cgroup"].startswith("/robotstack.slice/robotstack-sensor_service.slice/")
    assert (first["budget"]["slice_limit_mib"], first["budget"]["left_mib"]) == (300.0, 300 - 128 - 82)
    assert [
        "systemctl",
        "set-property",
        "--runtime",
        "robotstack.slice",
        f"MemoryMax={300 * MIB}",
    ] in operator.systemctl
    second = operator.call(service(), service("victoriametrics", 50))
    assert (second["changed"], second["plan"], second["diff"]) == (False, [], [])
    assert (fake.changes, operator.systemctl) == ([], [])


def test_very_many_files_are_one_line_and_the_answer_is_read_whole(operator: Operator) -> None:
    pages = [{"path": f"dashboards/robot-{number}.json", "content": "{}"} for number in range(500)]
    told = operator.call(service(files=pages), check=True)
    lines = [line for line in told["plan"] if line.startswith("write") and "/config/" in line]
    assert [line.partition(" below ")[0] for line in lines] == ["write 500 files"]
    assert lines[0].endswith("/dashboards")
    few = operator.call(service(files=pages[:100]), check=True)["plan"]
    assert len([line for line in few if "/dashboards/robot-" in line]) == 100


def test_when_a_robot_was_changed_is_remembered(operator: Operator, robot: Robot) -> None:
    """By a run that does something, and by no other."""
    operator.call(service())
    known = state.load(robot.root / ROOT)
    assert known.changed_at == 1000.0
    state.save(dataclasses.replace(known, changed_at=5.0), robot.root / ROOT)
    operator.call(service())
    operator.call(service(limit=40), check=True)
    operator.call(service(limit=40), state="proven", sent=False)
    assert state.load(robot.root / ROOT).changed_at == 5.0
    operator.call(service(limit=40))
    assert state.load(robot.root / ROOT).changed_at == 1000.0


def test_an_engine_that_was_there_is_used_and_not_configured(operator: Operator, robot: Robot) -> None:
    operator.call(service())
    assert not (robot.root / "etc/docker").exists()
    assert not list((robot.root / "etc/systemd/system").glob("*.service.d"))
    assert not any("docker.service" in argv for argv in operator.systemctl)
    assert state.load(robot.root / ROOT).engine_packages == []
    slices = {path.name for path in (robot.root / "etc/systemd/system").glob("*.slice")}
    assert slices == {"robotstack.slice", "robotstack-sensor_service.slice"}  # none for an engine that is not in it


def test_check_mode_says_the_same_and_touches_nothing(operator: Operator, robot: Robot, fake: FakeEngine) -> None:
    before = sorted(str(path) for path in robot.root.rglob("*"))
    told = operator.call(service(), check=True, sent=False)
    assert told["changed"]
    assert (fake.changes, operator.systemctl) == ([], [])
    assert sorted(str(path) for path in robot.root.rglob("*")) == before
    assert operator.call(service())["plan"] == told["plan"]


def test_a_plan_is_no_change(operator: Operator, robot: Robot, fake: FakeEngine) -> None:
    told = operator.call(service(), state="planned", sent=False)
    assert (told["asked"], told["changed"], fake.changes) == ("planned", False, [])
    assert told["plan"] == operator.call(service())["plan"]
    assert told["declared"]["sum_mib"] == 128 + 32


def test_a_missing_image_is_asked_for_and_the_rest_waits(operator: Operator, fake: FakeEngine) -> None:
    told = operator.call(service(), sent=False)
    need = {"kind": "image", "reference": "sensor_service:1", "architecture": "amd64"}
    assert told["needs"] == [{**need, "chains": [], "staged": [], "whole": False, "why": ""}]
    assert fake.changes == []
    told = operator.call(service())
    assert "needs" not in told
    assert fake.images == {"sensor_service:1": IMAGE}


def test_a_changed_limit_recreates_only_its_service(operator: Operator, fake: FakeEngine) -> None:
    operator.call(service(), service("victoriametrics", 50))
    other = fake.containers["robot-stack-victoriametrics"]["Id"]
    changed = operator.call(service(limit=40), service("victoriametrics", 50))
    assert changed["services"]["sensor_service"]["kernel_limit_mib"] == 40
    assert fake.containers["robot-stack-victoriametrics"]["Id"] == other
    assert fake.changes
    assert not [change for change in fake.changes if other in change or "victoriametrics" in change]


def test_a_limit_that_was_raised_by_hand_fails_verification_and_is_put_right(
    operator: Operator, robot: Robot, fake: FakeEngine
) -> None:
    operator.call(service())
    assert not operator.call(service(), state="verified").get("failed")
    found = fake.containers[NAME]
    found["HostConfig"]["Memory"] = found["HostConfig"]["MemorySwap"] = 64 * MIB
    robot.group(f"{found['HostConfig']['CgroupParent']}/{found['Id']}", 64 * MIB)
    told = operator.call(service(), state="verified")
    assert (told["failed"], told["changed"], fake.changes) == (True, False, [])
    assert "Memory is 64.0 MiB, not 32.0 MiB" in told["msg"]
    assert "the kernel's limit is 64.0 MiB, declared are 32.0 MiB" in told["msg"]
    assert told["services"]["sensor_service"]["verdict"] == "unlimited"
    put_right = operator.call(service())
    assert put_right["changed"]
    assert put_right["services"]["sensor_service"]["kernel_limit_mib"] == 32.0


def test_a_limit_that_the_kernel_alone_has_lost_is_seen(operator: Operator, robot: Robot, fake: FakeEngine) -> None:
    operator.call(service())
    found = fake.containers[NAME]
    robot.group(f"{found['HostConfig']['CgroupParent']}/{found['Id']}", 32 * MIB, swap=16 * MIB)
    told = operator.call(service())
    assert told["failed"]
    assert "swap is 16.0 MiB, it must be 0" in told["msg"]


def test_a_ceiling_that_was_raised_by_hand_is_lowered_again(operator: Operator, robot: Robot) -> None:
    operator.call(service())
    robot.group("/robotstack.slice", 400 * MIB)
    put_right = operator.call(service())
    assert put_right["plan"] == ["cap the whole stack at 300 MiB (was 400 MiB) in robotstack.slice"]
    assert put_right["budget"]["slice_limit_mib"] == 300.0


@pytest.mark.parametrize("logs_work", [True, False])
def test_a_bad_change_is_put_back(operator: Operator, fake: FakeEngine, logs_work: bool) -> None:
    operator.call(service())
    good = fake.containers[NAME]["Id"]
    fake.failing = "nonsense"
    if not logs_work:
        fake.errors[f"GET /containers/{NAME}/logs"] = (500, b'{"message": "no logs to be had"}')
    with pytest.raises(apply.ServiceFailedError, match=r"exit code 2.*the last good container was put back") as caught:
        operator.call(service(command=["nonsense"]))
    assert ("one\ntwo" if logs_work else "no logs to be had") in str(caught.value)
    assert list(fake.containers) == [NAME]
    assert (fake.containers[NAME]["Id"], fake.containers[NAME]["State"]["Running"]) == (good, True)


def test_a_change_that_ends_some_moments_after_its_start_is_put_back(operator: Operator, fake: FakeEngine) -> None:
    operator.call(service())
    good = fake.containers[NAME]["Id"]

    def end(_: float) -> None:
        fake.containers[NAME]["State"] = {"Running": False, "Status": "exited", "Pid": 0, "ExitCode": 3}

    operator.pause = end
    with pytest.raises(apply.ServiceFailedError, match=r"exit code 3.*the last good container was put back"):
        operator.call(service(command=["ends-soon"]))
    assert (fake.containers[NAME]["Id"], fake.containers[NAME]["State"]["Running"]) == (good, True)


def test_a_service_that_ends_while_another_one_is_changed_has_its_last_words_told(
    operator: Operator, fake: FakeEngine
) -> None:
    operator.call(service(), service("other"))
    pauses: list[float] = []

    def end(seconds: float) -> None:
        pauses.append(seconds)
        if "robot-stack-other.previous" in fake.containers:  # the second one's turn: the first has been seen to work
            fake.containers[NAME]["State"] = {"Running": False, "Status": "exited", "Pid": 0, "ExitCode": 3}

    operator.pause = end
    told = operator.call(service(command=["ends-later"]), service("other", command=["new"]))
    assert pauses
    assert told["failed"]
    assert told["msg"].startswith("sensor_service: down (its container has ended)")
    assert "sensor_service: its last log lines:\none\ntwo" in told["msg"]
    assert "other: its last log lines" not in told["msg"]


def test_a_change_that_the_engine_refuses_is_put_back(operator: Operator, fake: FakeEngine) -> None:
    operator.call(service())
    fake.errors["POST /containers/create"] = (500, b'{"message": "disk is full"}')
    with pytest.raises(apply.ServiceFailedError, match="disk is full; the last good container was put back"):
        operator.call(service(limit=40))
    assert fake.containers[NAME]["State"]["Running"]


def test_a_run_that_was_cut_off_is_finished(operator: Operator, fake: FakeEngine) -> None:
    operator.call(service())
    fake.containers[f"{NAME}.previous"] = {**fake.containers.pop(NAME), "Name": f"/{NAME}.previous"}
    told = operator.call(service())
    assert any(line.startswith(f"repair container {NAME}") for line in told["plan"])
    assert list(fake.containers) == [NAME]
    assert not operator.call(service())["changed"]


def test_a_run_that_was_cut_off_before_it_removed_the_old_container_is_finished(
    operator: Operator, fake: FakeEngine
) -> None:
    operator.call(service())
    new = fake.containers[NAME]["Id"]
    fake.containers[f"{NAME}.previous"] = {**fake.containers[NAME], "Id": "old", "Name": f"/{NAME}.previous"}
    told = operator.call(service())
    assert told["plan"] == [f"finish the replacement of container {NAME}, which was interrupted"]
    assert (list(fake.containers), fake.containers[NAME]["Id"]) == ([NAME], new)
    assert not operator.call(service())["changed"]


@pytest.mark.parametrize("labels", [{}, "copied"])
def test_a_container_that_was_made_by_hand_is_told_and_replaced(
    operator: Operator, fake: FakeEngine, labels: Any
) -> None:
    operator.call(service())
    ours = fake.containers.pop(NAME)
    kept = ours["Config"]["Labels"] if labels == "copied" else labels
    config = {**ours["Config"], "Cmd": ["sleep", "1"], "Labels": kept}
    fake.containers[NAME] = {**ours, "Id": "theirs", "Config": config}
    told = operator.call(service(), state="verified")
    assert told["failed"]
    (step,) = told["plan"]
    assert step.startswith(f"recreate container {NAME}")
    assert "command: sleep" in told["diff"][0]["before"]
    assert operator.call(service())["changed"]
    assert (list(fake.containers), fake.containers[NAME]["Id"]) == ([NAME], fake.containers[NAME]["Id"])
    assert fake.containers[NAME]["Id"] != "theirs"
    assert not operator.call(service(), state="verified").get("failed")


def test_a_changed_file_gets_a_new_directory_and_the_old_one_goes(
    operator: Operator, robot: Robot, fake: FakeEngine
) -> None:
    def with_file(content: str) -> dict[str, Any]:
        return service(files=[{"path": "token", "content": content, "sensitive": True}])

    operator.call(with_file("hunter1"))
    told = operator.call(with_file("hunter2"))
    assert "hunter" not in str(told)
    (directory,) = (robot.root / ROOT / "sensor_service/config").iterdir()
    assert (directory / "token").read_text() == "hunter2"
    assert (directory / "token").stat().st_mode & 0o777 == 0o400
    assert fake.containers[NAME]["HostConfig"]["Mounts"][0]["Source"].endswith(directory.name)
    (directory / "token").chmod(0o644)
    assert any("one of its files was changed" in line for line in operator.call(with_file("hunter2"))["plan"])


def test_what_is_no_longer_declared_goes_and_what_is_not_ours_stays(operator: Operator, fake: FakeEngine) -> None:
    operator.call(service(), service("victoriametrics", 50))
    fake.containers["theirs"] = {**fake.containers[NAME], "Id": "t", "Name": "/theirs", "Config": {"Labels": {}}}
    scoped = operator.call(service(), scope=["sensor_service"])
    assert not scoped["changed"]
    told = operator.call(service())
    assert told["plan"] == [
        "remove container robot-stack-victoriametrics (no longer declared; its data stays)",
        "remove slice robotstack-victoriametrics.slice",
    ]
    ended = [call for call in fake.calls if "robot-stack-victoriametrics" in call and call[:4] in ("POST", "DELE")]
    assert [call.partition("?")[0].rsplit("/", 1)[-1] for call in ended[-2:]] == ["stop", "robot-stack-victoriametrics"]
    assert not operator.call(service())["changed"]
    assert sorted(fake.containers) == [NAME, "theirs"]


def watched(robot: Robot) -> list[str]:
    return sorted(path.stem for path in (robot.root / ROOT / "watchdog/services").iterdir())


@pytest.mark.parametrize("state_wanted", ["present", "absent"])
def test_what_was_removed_by_hand_before_is_not_looked_after_for_ever(
    operator: Operator, robot: Robot, fake: FakeEngine, state_wanted: str
) -> None:
    operator.call(service(), service("victoriametrics", 50))
    del fake.containers["robot-stack-victoriametrics"]
    declared = [service(), service("victoriametrics", 50)][: 1 if state_wanted == "present" else 2]
    scope = [] if state_wanted == "present" else ["victoriametrics"]
    told = operator.call(*declared, state=state_wanted, scope=scope)
    assert "have the watchdog look after victoriametrics no more" in told["plan"]
    assert watched(robot) == ["sensor_service"]
    assert operator.call(service())["plan"] == []


@pytest.mark.parametrize("state_wanted", ["present", "absent"])
def test_a_removal_that_is_cut_off_is_finished(
    operator: Operator, robot: Robot, fake: FakeEngine, state_wanted: str
) -> None:
    both = [service(), service("victoriametrics", 50)]
    operator.call(*both)
    fake.errors["DELETE /containers/robot-stack-victoriametrics"] = (500, b'{"message": "busy"}')
    more: dict[str, Any] = {"state": "absent", "scope": ["victoriametrics"]} if state_wanted == "absent" else {}
    with pytest.raises(EngineError, match="busy"):
        operator.call(*(both if more else both[:1]), **more)
    assert watched(robot) == ["sensor_service"], "it was stopped on purpose: nobody shall call it down"


def test_the_image_of_what_is_no_longer_declared_goes_with_the_versions_that_need_it(
    operator: Operator, robot: Robot, fake: FakeEngine
) -> None:
    operator.call(service(), service("victoriametrics", 50))
    fake.images["victoriametrics:1"] = {**IMAGE, "Id": "sha256:9"}
    fake.containers["robot-stack-victoriametrics"]["Image"] = "sha256:9"
    known = state.load(robot.root / ROOT)
    history = {**known.image_history, "victoriametrics": ["sha256:9"]}
    state.save(dataclasses.replace(known, image_history=history), robot.root / ROOT)
    operator.call(service())
    assert "victoriametrics:1" not in fake.images
    left = state.load(robot.root / ROOT)
    assert (sorted(left.image_history), sorted(left.services)) == (
        ["sensor_service"],
        ["sensor_service", "victoriametrics"],
    ), "its data is known as ours"


def test_absent_takes_what_is_ours_and_keeps_data(operator: Operator, robot: Robot, fake: FakeEngine) -> None:
    declared = service(data=[{"name": "data", "target": "/data"}], files=[{"path": "a", "content": "b"}])
    operator.call(declared)
    precious = write(robot.root / ROOT / "sensor_service/data/precious", "1")
    pids = robot.root / "sys/fs/cgroup/pids"
    (pids / "robotstack.slice/robotstack-sensor_service.slice").mkdir(parents=True)
    told = operator.call(declared, state="absent", check=True)
    assert told["changed"]
    assert fake.changes == []
    operator.call(declared, state="absent", sent=False)
    assert (fake.containers, fake.images) == ({}, {})
    assert not list((robot.root / "etc/systemd/system").iterdir())
    assert precious.exists()
    assert not list(pids.iterdir())
    assert not (robot.root / ROOT / "sensor_service/config").exists()
    again = operator.call(declared, state="absent", sent=False)
    assert (again["changed"], again["plan"]) == (False, [])
    assert operator.call(declared, state="absent", remove_data=True, sent=False)["changed"]
    assert not (robot.root / ROOT).exists()


@pytest.mark.parametrize("remove_data", [True, False])
def test_removal_leaves_what_else_the_roots_disk_holds(operator: Operator, robot: Robot, remove_data: bool) -> None:
    """robot_stack_root may be a disk that others use as well."""
    operator.call(service(data=[{"name": "data", "target": "/data"}]), service("dropped"))
    operator.call(service(data=[{"name": "data", "target": "/data"}]))
    theirs = [write(robot.root / ROOT / path, "1") for path in ("photos/one", "otherapp/config/settings", "a-file")]
    told = operator.call(service(), state="absent", remove_data=remove_data, sent=False)
    assert all(path.exists() for path in theirs)
    assert not any("photos" in step or "otherapp" in step for step in told["plan"])
    left = {path.name for path in (robot.root / ROOT).iterdir()} - {"photos", "otherapp", "a-file"}
    assert left == (set() if remove_data else {"sensor_service"})


def test_two_runs_at_once_do_not_meet(operator: Operator, robot: Robot) -> None:
    with lock.held(robot.roots):
        with pytest.raises(run.BusyError, match="another run is changing this robot"):
            operator.call(service())
        assert not operator.call(service(), state="planned")["refusals"]  # who only reads need not wait


def test_a_deployment_remembers_the_peak(operator: Operator, robot: Robot) -> None:
    operator.call(service())
    remembered = state.load(robot.root / ROOT).services["sensor_service"]
    assert remembered.peak_bytes == 4 * MIB
