"""What should run and does not is started by the watchdog, counted and told; what is declared as stopped stays so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.docker.api import DockerEngine
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.host.systemd import CommandError
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.judge import verdict
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records import state
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.watchdog import look, start
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate import stopped
from declarations import robot as declares
from robot_stack.fake_engine import FakeEngine
from robot_stack.operating import NAME, ROOT, Operator
from robot_stack.robots import MIB, Robot, service, write
from robot_stack.test_watchdog import NOW, deployed, looked, page, remembered

pytestmark = pytest.mark.usefixtures("any_owner")
UP = 'robot_stack_service_up{service="sensor_service"}'
STARTS = 'robot_stack_service_starts_total{service="sensor_service"}'
KEPT = 'robot_stack_service_kept_stopped{service="sensor_service"}'
LEFT: dict[str, dict[str, Any]] = {
    "by a crash of the engine": {"Running": False, "Status": "exited", "Pid": 0, "ExitCode": 0},
    "by hand": {"Running": False, "Status": "exited", "Pid": 0, "ExitCode": 137},
    "by a power cut before its first start": {"Running": False, "Status": "created", "Pid": 0},
    "paused by hand": {"Running": True, "Paused": True, "Status": "paused", "Pid": 0},
}


@pytest.mark.parametrize("how", LEFT)
def test_what_was_left_stopped_runs_within_two_looks_and_is_counted(robot: Robot, fake: FakeEngine, how: str) -> None:
    settings = deployed(robot, fake)
    fake.containers[NAME]["State"] = dict(LEFT[how])
    fake.calls.clear()
    (said,) = looked(robot, fake, settings)
    assert "sensor_service is " in said
    assert "not in robot_stack_stopped_services: starting it" in said
    looked(robot, fake, settings, NOW + 30)
    assert fake.containers[NAME]["State"]["Running"]
    assert fake.containers[NAME]["State"]["Status"] == "running"
    assert (page(robot)[UP], page(robot)[STARTS]) == (1, 1)
    assert remembered(robot).starts == 1
    assert remembered(robot).cause == state.STOPPED
    assert len(fake.changes) == 1, "one start, and nothing else"


def test_what_the_engine_is_about_to_start_is_left_to_it(robot: Robot, fake: FakeEngine) -> None:
    settings = deployed(robot, fake)
    fake.containers[NAME]["State"] = {"Running": True, "Restarting": True, "Status": "restarting", "Pid": 0}
    fake.calls.clear()
    assert looked(robot, fake, settings) == []
    assert (fake.changes, remembered(robot).starts) == ([], 0)


def test_one_that_cannot_be_started_is_told_and_the_look_goes_on(robot: Robot, fake: FakeEngine) -> None:
    settings = deployed(robot, fake)
    fake.containers[NAME]["State"] = {"Running": False, "Status": "exited", "Pid": 0}
    fake.errors[f"POST /containers/{NAME}/start"] = (500, b'{"message": "no such runtime"}')
    said = looked(robot, fake, settings)
    assert "sensor_service could not be started: no such runtime" in said
    assert (page(robot)[UP], page(robot)[STARTS], remembered(robot).starts) == (0, 0, 0)


def test_a_verification_tells_that_it_was_found_stopped(operator: Operator, robot: Robot, fake: FakeEngine) -> None:
    operator.call(service())
    record = state.load(robot.root / ROOT).services["sensor_service"]
    words = replace(record, starts=1, last_failure_at=999.0, last_failure="it was stopped", cause=state.STOPPED)
    state.save(state.load(robot.root / ROOT).with_service("sensor_service", words), robot.root / ROOT)
    told = operator.call(service(), state="verified", sent=False)
    assert "sensor_service: killed (it was stopped (since it was deployed: found stopped 1 time))" in told["msg"]
    assert told["services"]["sensor_service"]["starts"] == 1


def test_what_is_declared_as_stopped_is_stopped_and_stays_so(
    operator: Operator, robot: Robot, fake: FakeEngine
) -> None:
    operator.call(service())
    told = operator.call(service(), stopped=["sensor_service"])
    assert "stop container robot-stack-sensor_service, as robot_stack_stopped_services says" in told["plan"][0]
    assert [call for call in fake.changes if "/stop" in call]
    assert (told["services"]["sensor_service"]["verdict"], told.get("failed")) == ("stopped", None)
    for asked in ("present", "verified", "proven"):
        again = operator.call(service(), stopped=["sensor_service"], state=asked, sent=False)
        assert (again["plan"], again.get("failed"), fake.changes) == ([], None, []), asked
        assert again["verdict"] == "stopped"
    settings = robot.root / ROOT / "watchdog"
    robot.group("/robotstack.slice", 300 * MIB)
    for second in (0, 30, 60):
        assert looked(robot, fake, settings, NOW + second) == []
    assert not fake.containers[NAME]["State"]["Running"]
    assert page(robot)[KEPT] == 1
    assert UP not in page(robot), "nobody is called for it"


def test_what_may_run_again_is_started(operator: Operator, fake: FakeEngine) -> None:
    operator.call(service())
    operator.call(service(), stopped=["sensor_service"])
    told = operator.call(service())
    assert fake.containers[NAME]["State"]["Running"]
    assert (told["changed"], told["verdict"]) == (True, "ok")


def test_what_is_stopped_gets_no_change_until_it_runs_again(operator: Operator, fake: FakeEngine) -> None:
    operator.call(service())
    told = operator.call(service(limit=40), stopped=["sensor_service"])
    assert not [line for line in told["plan"] if "recreate" in line]
    assert fake.containers[NAME]["HostConfig"]["Memory"] == 32 * MIB
    operator.call(service(limit=40))
    assert fake.containers[NAME]["HostConfig"]["Memory"] == 40 * MIB


def test_a_service_that_shall_stay_stopped_must_be_one_of_the_robots() -> None:
    assert stopped.check(declares(robot_stack_stopped_services=["victoriametrics"])) == []
    (fault,) = stopped.check(declares(robot_stack_stopped_services=["victoriametric"]))
    assert (fault.variable, fault.why) == ("robot_stack_stopped_services", "victoriametric is no service of this robot")
    assert "sensor_service, victoriametrics" in fault.remedy


@pytest.mark.parametrize("job", ["telemetry_hub_backup", "telemetry_hub_restore"])
def test_a_hub_whose_backups_are_stopped_can_be_restored(job: str) -> None:
    """Then what restores takes the place of what backs up; whoever deleted the line would start it again."""
    services = ["sensor_service", "telemetry_hub_victoriametrics", "telemetry_hub_vmauth", job]
    line = {"robot_stack_stopped_services": ["telemetry_hub_backup"]}
    assert stopped.check(declares(robot_stack_services=services, **line)) == []
    assert len(stopped.check(declares(**line))) == 1, "a robot has no such job"


def test_stopped_is_worse_than_ok_alone_and_fails_nobody() -> None:
    assert verdict.worst(["ok", "stopped"]) == "stopped"
    assert verdict.worst(["stopped", "tight"]) == "tight"
    assert "stopped" not in verdict.FAILING


# The engine

FAILED = {"ActiveState": "failed", "SubState": "failed", "Result": "start-limit-hit"}


@pytest.mark.parametrize(
    ("unit", "told", "starts"),
    [
        ("docker.service", FAILED, True),
        ("docker.service", {"ActiveState": "inactive"}, False),  # somebody stopped it
        ("docker.service", {**FAILED, "LoadState": "masked"}, False),
        ("docker.service", {}, False),
        ("", FAILED, False),  # somebody else's
    ],
)
def test_an_engine_of_ours_that_failed_is_started_and_no_other(
    robot: Robot, unit: str, told: dict[str, str], starts: bool
) -> None:
    robot.units["docker.service"] = dict(told)
    calls: list[list[str]] = []
    said: list[str] = []
    start.engine_started(unit, said.append, robot.systemctl(calls))
    wanted = [["systemctl", "reset-failed", unit], ["systemctl", "--no-block", "start", unit]]
    assert calls == (wanted if starts else [])
    assert bool(said) == starts


def test_a_look_at_a_robot_whose_engine_failed_starts_it(
    robot: Robot, fake: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = deployed(robot, fake)
    written = write(settings / "stack.json", (settings / "stack.json").read_text())
    asked: list[str] = []
    monkeypatch.setattr(start, "engine_started", lambda unit, *_: asked.append(unit))
    look.look(settings, robot.roots, DockerEngine("/nowhere"), NOW, lambda _: None)
    written.write_text(written.read_text().replace("{", '{"engine_unit": "docker.service",', 1))
    look.look(settings, robot.roots, DockerEngine("/nowhere"), NOW, lambda _: None)
    assert asked == ["", "docker.service"], "the first engine is somebody else's"


def test_an_engine_that_cannot_be_started_is_told() -> None:
    def run(argv: Any) -> str:
        raise CommandError(f"{argv[0]}: no bus")

    said: list[str] = []
    start.engine_started("docker.service", said.append, run)
    assert said == ["the container engine could not be started: systemctl: no bus"]
