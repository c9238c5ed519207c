"""The watchdog: what it keeps between two runs, what it restarts, and that it is one with the rest of the project."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.apply import apply
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.base import files, lock, program
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.docker.api import DockerEngine
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.judge.readback import Reading
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records import (
    samples,
    state,
)
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records.samples import Recent, Sample
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.run import run
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec import parse
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.watchdog import look, own_program, shares
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.watchdog import metrics as metrics_page
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.watchdog import setup as watchdog_setup
from robot_stack.fake_engine import FakeEngine
from robot_stack.robots import IMAGE, MIB, Robot, parameters, service, write

NOW = 1_800_000_000.0
STARTED = 1767225600.0  # as the fake engine says


def deployed(robot: Robot, fake: FakeEngine, **more: Any) -> Path:
    """Deploy one service and return where the watchdog's settings lie."""
    fake.images["sensor_service:1"] = IMAGE
    stack = parse.parse(parameters(service(**more)))
    call = run.Call(stack, robot.roots, DockerEngine(fake.socket), clock=lambda: NOW)
    call.applier = apply.Applier(
        stack, robot.roots, DockerEngine(fake.socket), {}, run=robot.systemctl([]), pause=lambda _: None
    )
    result = run.execute(call)
    assert not result.get("failed"), result
    robot.group("/robotstack.slice", 300 * MIB)
    return Path(robot.roots.path(watchdog_setup.directory(stack)))


def looked(robot: Robot, fake: FakeEngine, settings: Path, now: float = NOW) -> list[str]:
    said: list[str] = []
    look.look(settings, robot.roots, DockerEngine(fake.socket), now, said.append, fake.kill)
    return said


def page(robot: Robot) -> dict[str, float]:
    text = (robot.root / "run/robot-stack" / metrics_page.FILE).read_text()
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line[0] != "#"}


def remembered(robot: Robot) -> state.ServiceRecord:
    return state.load(robot.root / "var/lib/robot-stack").services["sensor_service"]


def oom(fake: FakeEngine, at: float) -> None:
    identity = next(iter(fake.containers.values()))["Id"]
    for offset, action, attributes in ((0.0, "oom", {}), (0.1, "die", {"exitCode": "137"}), (0.2, "start", {})):
        actor = {"ID": identity, "Attributes": attributes}
        fake.events.append({"Action": action, "timeNano": int((at + offset) * 1e9), "Actor": actor})


@pytest.mark.usefixtures("any_owner")
@pytest.mark.parametrize("version", [1, 2])
def test_a_look_tells_what_the_judge_judges(tmp_path: Path, version: int) -> None:
    robot = Robot(tmp_path, version)
    with FakeEngine(robot) as fake:
        settings = deployed(robot, fake)
        oom(fake, NOW + 5)
        assert looked(robot, fake, settings, NOW + 30) == []
        found = page(robot)
    own = '{service="sensor_service"}'
    assert found[f"robot_stack_service_up{own}"] == 1
    assert found[f"robot_stack_service_memory_limit_declared_bytes{own}"] == 32 * MIB
    assert found[f"robot_stack_service_memory_limit_effective_bytes{own}"] == 32 * MIB
    assert found[f"robot_stack_service_memory_unreclaimable_bytes{own}"] == 4 * MIB
    assert found[f"robot_stack_service_oom_kills_total{own}"] == 1
    assert found[f"robot_stack_service_restarts_total{own}"] == 1
    assert found[f"robot_stack_service_last_failure_timestamp_seconds{own}"] == pytest.approx(NOW + 5.1)
    assert found["robot_stack_memory_budget_bytes"] == 300 * MIB
    assert found["robot_stack_memory_ceiling_bytes"] == 300 * MIB
    assert found["robot_stack_watchdog_last_look_timestamp_seconds"] == NOW + 30


@pytest.mark.usefixtures("any_owner")
@pytest.mark.parametrize("moment", ["before the count is read", "before the events are read", "after them"])
def test_an_end_in_the_middle_of_a_look_is_counted_once_with_its_cause(
    robot: Robot, fake: FakeEngine, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = deployed(robot, fake)
    real, ends = {name: getattr(DockerEngine, name) for name in ("inspect", "events")}, list[str]()

    def end() -> None:
        if not ends:
            ends.append(moment)
            monkeypatch.setattr(time, "time", lambda: NOW + 40)
            oom(fake, NOW + 35)  # after the look has begun
            next(iter(fake.containers.values()))["RestartCount"] = 1

    def inspect(engine: DockerEngine, name: str) -> Any:
        if moment == "before the count is read":
            end()
        return real["inspect"](engine, name)

    def events(engine: DockerEngine, *asked: Any) -> Any:
        if moment == "before the events are read":
            end()
        found = real["events"](engine, *asked)
        if moment == "after them":
            end()
        return found

    monkeypatch.setattr(DockerEngine, "inspect", inspect)
    monkeypatch.setattr(DockerEngine, "events", events)
    for second in (30, 60, 90):
        looked(robot, fake, settings, NOW + second)
    known = remembered(robot)
    assert ends
    assert (known.oom_kills, known.restarts, known.cause) == (1, 1, state.OUT_OF_MEMORY)


def killed_in_silence(robot: Robot, fake: FakeEngine) -> Path:
    """Deploy, look, and have the kernel kill a service, of which the engine does not tell the cause."""
    settings = deployed(robot, fake)
    events = robot.group("/robotstack.slice/robotstack-sensor_service.slice", None) / "memory.events"
    looked(robot, fake, settings)
    write(events, "oom 1\noom_kill 1\n")
    oom(fake, NOW + 5)
    fake.events = [event for event in fake.events if event["Action"] != "oom"]
    return settings


@pytest.mark.usefixtures("any_owner")
@pytest.mark.parametrize("robot", [2], indirect=True)
def test_a_kill_whose_cause_the_kernel_alone_tells_is_counted_once(robot: Robot, fake: FakeEngine) -> None:
    """As Docker 26 tells of it on cgroup v2: the container's cgroup is gone before anybody has looked into it."""
    settings = killed_in_silence(robot, fake)
    for second in (30, 60):
        looked(robot, fake, settings, NOW + second)
        known = remembered(robot)
        assert (known.oom_kills, known.restarts, known.cause) == (1, 1, state.OUT_OF_MEMORY)
    # from here on the kernel has said nothing new
    oom(fake, NOW + 65)
    fake.events = [event for event in fake.events if event["Action"] != "oom"]
    looked(robot, fake, settings, NOW + 90)
    known = remembered(robot)
    assert (known.oom_kills, known.restarts, known.cause) == (1, 2, state.KILLED)


@pytest.mark.usefixtures("any_owner")
@pytest.mark.parametrize("robot", [2], indirect=True)
def test_a_child_that_the_kernel_killed_is_counted_where_the_engine_tells_nothing(
    robot: Robot, fake: FakeEngine
) -> None:
    """As with Podman, whose containers have no event of it: the service runs on, and its own cgroup has the count."""
    settings = deployed(robot, fake)
    slice_events = robot.group("/robotstack.slice/robotstack-sensor_service.slice", None) / "memory.events"
    own_events = next(slice_events.parent.glob("*/memory.events"))
    for path in (slice_events, own_events):  # before anybody has looked: nobody knows when
        write(path, "oom 1\noom_kill 1\n")
    looked(robot, fake, settings)
    assert remembered(robot).oom_kills == 0
    for path in (slice_events, own_events):
        write(path, "oom 2\noom_kill 2\n")
    for second in (30, 60):
        looked(robot, fake, settings, NOW + second)
        known = remembered(robot)
        assert (known.oom_kills, known.restarts, known.cause) == (1, 0, state.OUT_OF_MEMORY)
        assert known.last_failure_at == NOW + 30


@pytest.mark.usefixtures("any_owner")
def test_a_clock_that_was_set_back_blinds_nobody(robot: Robot, fake: FakeEngine) -> None:
    """As on a robot without a battery for its clock, which boots an hour earlier than it was switched off."""
    settings, back = deployed(robot, fake), NOW - 7200
    assert looked(robot, fake, settings, back) == []
    assert page(robot)["robot_stack_watchdog_last_look_timestamp_seconds"] == back
    oom(fake, back + 5)
    for second in (30, 60):
        looked(robot, fake, settings, back + second)
    known = remembered(robot)
    assert (known.oom_kills, known.restarts, known.cause) == (1, 1, state.OUT_OF_MEMORY)
    assert known.last_failure_at == pytest.approx(back + 5, abs=1)


@pytest.mark.usefixtures("any_owner")
def test_a_failure_from_the_future_is_kept_and_hides_no_later_one(robot: Robot, fake: FakeEngine) -> None:
    settings, back = deployed(robot, fake), NOW - 7200
    oom(fake, NOW + 5)
    looked(robot, fake, settings, NOW + 30)
    before = remembered(robot)
    looked(robot, fake, settings, back)
    assert remembered(robot) == before
    next(iter(fake.containers.values()))["RestartCount"] += 1  # it ends again
    looked(robot, fake, settings, back + 30)
    assert remembered(robot).restarts == before.restarts + 1


@pytest.mark.usefixtures("any_owner")
@pytest.mark.parametrize("field", ["last_failure_at", "asked_at"])
def test_the_cause_of_what_follows_a_time_in_the_future_is_told(robot: Robot, fake: FakeEngine, field: str) -> None:
    settings, back = deployed(robot, fake), NOW - 7200
    looked(robot, fake, settings, NOW)
    known = state.load(robot.root / "var/lib/robot-stack")
    change: dict[str, Any] = {field: NOW + 5}
    future = replace(known.services["sensor_service"], **change)
    state.save(known.with_service("sensor_service", future), robot.root / "var/lib/robot-stack")
    looked(robot, fake, settings, back)
    assert remembered(robot) == future
    oom(fake, back + 10)
    looked(robot, fake, settings, back + 30)
    known_now = remembered(robot)
    assert (known_now.oom_kills, known_now.cause) == (1, state.OUT_OF_MEMORY)
    assert known_now.last_failure_at == pytest.approx(back + 10, abs=1)


@pytest.mark.usefixtures("any_owner")
def test_a_full_disk_keeps_nobody_from_looking(robot: Robot, fake: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = deployed(robot, fake)
    oom(fake, NOW + 5)

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(state, "save", full)
        (said,) = looked(robot, fake, settings, NOW + 30)
    assert "No space left on device" in said
    assert page(robot)["robot_stack_watchdog_last_look_timestamp_seconds"] == NOW + 30
    assert page(robot)['robot_stack_service_oom_kills_total{service="sensor_service"}'] == 1
    looked(robot, fake, settings, NOW + 60)
    assert remembered(robot).oom_kills == 1, "it is kept as soon as there is room"


@pytest.mark.usefixtures("any_owner")
@pytest.mark.parametrize("robot", [2], indirect=True)
def test_a_kill_that_could_not_be_kept_is_still_told_by_the_next_look(
    robot: Robot, fake: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine says nothing of it: a counter that goes back looks as if it had begun anew."""
    settings = killed_in_silence(robot, fake)

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(state, "save", full)
        for second in (30, 60, 90):
            looked(robot, fake, settings, NOW + second)
            assert page(robot)['robot_stack_service_oom_kills_total{service="sensor_service"}'] == 1
    looked(robot, fake, settings, NOW + 120)
    assert (remembered(robot).oom_kills, remembered(robot).cause) == (1, state.OUT_OF_MEMORY)


@pytest.mark.usefixtures("any_owner")
def test_a_full_run_folder_costs_no_record_and_no_look_of_before_counts(
    robot: Robot, fake: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = deployed(robot, fake)
    looked(robot, fake, settings, NOW + 1)
    oom(fake, NOW + 5)
    real = files.write

    def full(wanted: Any, *more: Any) -> Any:
        if wanted.path.startswith(samples.DIRECTORY):
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(wanted, *more)

    with monkeypatch.context() as disk:
        disk.setattr(look, "write", full)
        said = looked(robot, fake, settings, NOW + 30)
    assert any("samples.json cannot be written, and goes: " in words for words in said)
    assert remembered(robot).oom_kills == 1
    assert [path for path in robot.roots.path(samples.DIRECTORY).rglob("*") if path.is_file()] == []
    assert looked(robot, fake, settings, NOW + 60) == []
    assert page(robot)['robot_stack_service_oom_kills_total{service="sensor_service"}'] == 1


@pytest.mark.usefixtures("any_owner")
def test_the_page_of_an_entry_point_goes_with_it(robot: Robot, fake: FakeEngine) -> None:
    settings = deployed(robot, fake)
    stale = write(robot.roots.path(f"{samples.DIRECTORY}/{shares.FILE}"), "robot_stack_series_shut_out 1\n")
    looked(robot, fake, settings, NOW + 1)
    assert not stale.exists()


@pytest.mark.usefixtures("any_owner")
def test_what_happened_is_kept_and_counted_once(robot: Robot, fake: FakeEngine) -> None:
    settings = deployed(robot, fake)
    oom(fake, NOW + 5)
    for second in (30, 60, 90):
        looked(robot, fake, settings, NOW + second)
    assert (remembered(robot).oom_kills, remembered(robot).restarts) == (1, 1)


@pytest.mark.usefixtures("any_owner")
def test_a_quiet_look_does_not_write_to_flash(robot: Robot, fake: FakeEngine) -> None:
    settings = deployed(robot, fake)
    looked(robot, fake, settings, NOW + 30)
    kept = robot.root / "var/lib/robot-stack" / state.FILE
    before = kept.stat().st_mtime_ns, kept.stat().st_ino
    looked(robot, fake, settings, NOW + 60)
    assert (kept.stat().st_mtime_ns, kept.stat().st_ino) == before


@pytest.mark.usefixtures("any_owner")
def test_a_service_that_hangs_is_restarted_and_one_that_just_starts_is_not(robot: Robot, fake: FakeEngine) -> None:
    settings = deployed(robot, fake)
    silent = settings / "services/sensor_service.json"
    write(silent, json.dumps({**json.loads(silent.read_text()), "url": "http://127.0.0.1:1/"}))  # nobody serves it
    fake.calls.clear()
    for second in (10, 20, 30, 40):
        assert looked(robot, fake, settings, STARTED + second) == []
    assert fake.killed == []
    said = looked(robot, fake, settings, STARTED + look.STARTING_SECONDS + 1)
    assert "sensor_service runs and does not answer" in said[0]
    assert fake.killed == [signal.SIGTERM]
    assert fake.changes == [], "an engine that is told to stop it would not start it at the next boot"
    assert (remembered(robot).hangs, remembered(robot).restarts) == (1, 0)
    assert samples.load(robot.root / "run/robot-stack").of("sensor_service").unanswered == 0
    for second in (30, 60):  # what the engine tells of it later is no second failure
        looked(robot, fake, settings, time.time() + second)
    assert (remembered(robot).hangs, remembered(robot).restarts) == (1, 0)


@pytest.mark.usefixtures("any_owner")
def test_a_service_of_which_nothing_can_be_read_hides_no_other(robot: Robot, fake: FakeEngine) -> None:
    settings = deployed(robot, fake)
    told = json.loads((settings / "services/sensor_service.json").read_text())
    write(settings / "services/another.json", json.dumps({**told, "name": "another"}))
    fake.errors["GET /containers/robot-stack-another/json"] = (200, b'["odd"]')
    said = looked(robot, fake, settings)
    assert said == [
        "another cannot be looked at: the container engine answered with a list where an object was asked for"
    ]
    assert page(robot)['robot_stack_service_up{service="sensor_service"}'] == 1


def test_silence_after_an_answer_is_a_hang_at_once() -> None:
    reading = Reading("s", 1, status="running", started_at=100.0)
    answered = Recent(answered_at=110.0, unanswered=look.LOOKS_UNTIL_HUNG)
    assert look.hangs(reading, answered, 120.0)
    assert not look.hangs(reading, Recent(answered_at=110.0, unanswered=look.LOOKS_UNTIL_HUNG - 1), 120.0)
    # what answered was an earlier run of it
    assert not look.hangs(reading, Recent(answered_at=90.0, unanswered=9), 120.0)


@pytest.mark.parametrize(("age", "now", "hung"), [(60.0, 10_000_000.0, False), (700.0, 50.0, True)])
def test_a_clock_that_was_set_makes_nobody_older(age: float, now: float, hung: bool) -> None:
    """In the first case forwards, in the second one back."""
    reading = Reading("s", 1, status="running", started_at=100.0, age=age)
    assert look.hangs(reading, Recent(unanswered=look.LOOKS_UNTIL_HUNG), now) is hung


def test_an_answer_from_the_future_is_of_an_earlier_run() -> None:
    reading = Reading("s", 1, status="running", started_at=100.0, age=20.0)
    assert not look.hangs(reading, Recent(answered_at=900.0, unanswered=look.LOOKS_UNTIL_HUNG), 120.0)


@pytest.mark.usefixtures("any_owner")
def test_while_a_deployment_is_at_work_the_watchdog_stands_back(robot: Robot, fake: FakeEngine) -> None:
    settings = deployed(robot, fake)
    with lock.held(robot.roots):
        looked(robot, fake, settings)
    assert not (robot.root / "run/robot-stack" / samples.FILE).exists()


@pytest.mark.parametrize(
    ("taken", "now", "rate"),
    [
        ([Sample(940.0, 1.0, 70)], Sample(1000.0, 1.0, 100), 30.0),
        ([Sample(941.0, 1.0, 70)], Sample(1000.0, 1.0, 100), None),  # too short ago
        ([], Sample(1000.0, 1.0, 100), None),
        ([Sample(940.0, 1.0, 101)], Sample(1000.0, 1.0, 100), None),  # the counter started anew
        ([Sample(940.0, 0.5, 70)], Sample(1000.0, 1.0, 100), None),  # another run of the container
        ([Sample(600.0, 1.0, 0), Sample(800.0, 1.0, 90)], Sample(1000.0, 1.0, 100), 3.0),  # only the last five minutes
        ([Sample(2000.0, 1.0, 70)], Sample(1000.0, 1.0, 100), None),  # a clock that was set back
    ],
)
def test_faults_are_a_rate_over_the_last_minutes(taken: list[Sample], now: Sample, rate: float | None) -> None:
    assert samples.faults_per_minute(taken, now) == rate


def test_samples_are_kept_for_the_window_and_survive_a_file(tmp_path: Path) -> None:
    recent = Recent()
    for second in range(0, 1000, 30):
        recent = samples.with_sample(recent, Sample(float(second), 1.0, second))
    assert recent.samples[0].time == 990 - samples.WINDOW_SECONDS
    kept = samples.Samples({"s": recent})
    write(tmp_path / samples.FILE, samples.text(kept))
    assert samples.load(tmp_path) == kept
    for damage in ("", "[]", "{", '{"s": 1}'):
        write(tmp_path / samples.FILE, damage)
        assert samples.load(tmp_path) == samples.Samples()


@pytest.mark.usefixtures("any_owner")
@pytest.mark.parametrize("written", [0, 3])
def test_a_program_whose_update_is_cut_off_is_the_one_of_before(
    robot: Robot, monkeypatch: pytest.MonkeyPatch, written: int
) -> None:
    stack = parse.parse(parameters())
    top = robot.roots.path(watchdog_setup.directory(stack))
    watchdog_setup.install(stack, robot.roots, lambda _: "")
    write(top / "robot_stack/of_an_older_version.py", "")
    before, done = program.found(top), list[str]()

    def cut(file: Any, root: Path) -> None:
        if len(done) == written:
            raise KeyboardInterrupt
        done.append(file.path)
        files.write(file, root)

    with monkeypatch.context() as patched:
        patched.setattr(watchdog_setup, "write", cut)
        with pytest.raises(KeyboardInterrupt):
            watchdog_setup.install(stack, robot.roots, lambda _: "")
    assert program.found(top) == before
    watchdog_setup.install(stack, robot.roots, lambda _: "")
    assert program.found(top) == own_program.contents()
    assert sorted(path.name for path in top.iterdir()) == ["answer.py", "look.py", "robot_stack"]


def test_the_program_runs_without_ansible_and_without_what_is_not_installed(tmp_path: Path) -> None:
    stack = parse.parse(parameters())
    for file in watchdog_setup.program_files(stack):
        write(tmp_path / file.path.lstrip("/"), file.content)
    top = tmp_path / watchdog_setup.directory(stack).lstrip("/")
    write(top / "stack.json", json.dumps({"budget": {}, "socket": str(tmp_path / "none")}))
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            f"import sys; sys.path.insert(0, {str(top)!r}); import robot_stack.watchdog.look",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.usefixtures("any_owner")
@pytest.mark.parametrize(
    ("silent", "planned"),
    [(None, False), (60.0, False), (200.0, True)],
)
def test_a_watchdog_that_does_not_look_is_started(
    robot: Robot, fake: FakeEngine, monkeypatch: pytest.MonkeyPatch, silent: float | None, planned: bool
) -> None:
    deployed(robot, fake)
    monkeypatch.setattr(watchdog_setup, "silent_seconds", lambda _: silent)
    stack = parse.parse(parameters(service(), state="verified"))
    result = run.execute(run.Call(stack, robot.roots, DockerEngine(fake.socket), clock=lambda: NOW))
    assert any("start the watchdog" in line for line in result["plan"]) == planned


def test_how_long_it_was_silent_is_counted_from_its_last_look_install_or_boot(robot: Robot) -> None:
    assert watchdog_setup.silent_seconds(robot.roots) is None  # not installed
    timer = write(robot.root / f"etc/systemd/system/{watchdog_setup.TIMER}", "")
    assert watchdog_setup.silent_seconds(robot.roots) is None  # a robot that does not say how long it is up
    uptime = write(robot.root / "proc/uptime", "9000.5 1.0\n")
    assert watchdog_setup.silent_seconds(robot.roots) == pytest.approx(0, abs=60)
    os.utime(timer, (time.time() - 5000, time.time() - 5000))
    assert watchdog_setup.silent_seconds(robot.roots) == pytest.approx(5000, abs=60)
    uptime.write_text("100.0 1.0\n")
    assert watchdog_setup.silent_seconds(robot.roots) == 100.0
    uptime.write_text("9000.5 1.0\n")
    sampled = write(robot.root / "run/robot-stack" / samples.FILE, "")
    os.utime(sampled, (time.time() - 400, time.time() - 400))
    assert watchdog_setup.silent_seconds(robot.roots) == pytest.approx(400, abs=60)


def test_a_password_stays_in_the_services_own_file() -> None:
    health = {"url": "http://127.0.0.1:1/", "username": "me", "password_file": "secret"}
    sensitive = [{"path": "secret", "content": "hush", "sensitive": True}]
    stack = parse.parse(parameters(service(health=health, files=sensitive)))
    told = watchdog_setup.service_settings(stack, stack.services[0])
    assert "hush" not in told.content
    assert json.loads(told.content)["password_path"].endswith("/secret")


def test_the_units_are_below_the_ceiling() -> None:
    made = watchdog_setup.settings(parse.parse(parameters()), "docker.service", own_engine=False)
    units = {file.path: file.content for file in made}
    assert "Slice=robotstack.slice\n" in units["/etc/systemd/system/robot-stack-watchdog.service"]
