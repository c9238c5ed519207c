"""Each state in which a container of Podman's is found: by its unit, by systemd and the kernel, and never by Podman."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.base.roots import Roots
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine import drivers
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.podman import programs, status
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.podman.engine import PodmanEngine
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.protocol import (
    EngineError,
    FoundContainer,
)
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.watchdog import restart
from robot_stack.fake_podman import FakePodman, PodmanOperator
from robot_stack.operating import NAME
from robot_stack.robots import MIB, Robot, service, write

pytestmark = [pytest.mark.usefixtures("any_owner"), pytest.mark.parametrize("robot", [2], indirect=True)]


@pytest.fixture
def running(robot: Robot, podman: FakePodman) -> FakePodman:
    PodmanOperator(robot, podman).call(service())
    podman.calls.clear()
    podman.told.clear()
    return podman


def seen(podman: FakePodman) -> FoundContainer:
    found = podman.engine(looks_only=True).inspect(NAME)
    assert found is not None
    assert podman.calls == [], "no program of Podman's was started"
    return found


def test_one_that_runs_is_told_by_the_kernel(running: FakePodman) -> None:
    found = seen(running)
    assert (found.status, found.running, found.restarting) == ("running", True, False)
    assert found.pid == int(running.units[NAME].container, 16), "the process that is number 1 inside"
    assert (found.memory, found.memory_and_swap, found.nano_cpus, found.pids) == (32 * MIB, 32 * MIB, 500_000_000, 32)
    assert found.cgroup_parent == "robotstack-sensor_service.slice"
    assert (found.service, found.image_name) == ("sensor_service", "sensor_service:1")
    assert (found.restarts, found.exit_code, found.comes_at_boot, found.lost_at_boot) == (0, 0, True, "")
    cgroups = (running.robot.root / f"proc/{found.pid}/cgroup").read_text()
    assert found.holds(cgroups)
    assert not found.holds("0::/robotstack.slice/robotstack-other.slice/other.service/libpod-payload-1\n")


def test_the_same_container_keeps_its_identity_over_restarts(running: FakePodman) -> None:
    before = seen(running)
    running.end(NAME, "1")
    running.start(NAME)
    after = seen(running)
    assert (after.id, after.created_at) == (before.id, before.created_at)
    assert (after.pid != before.pid, after.cgroup != before.cgroup, after.restarts) == (True, True, 1)


@pytest.mark.parametrize(
    ("change", "became", "is_running", "restarting"),
    [
        ({"active": "activating", "sub": "auto-restart"}, "restarting", False, True),
        ({"active": "activating", "sub": "start"}, "restarting", False, True),
        ({"active": "inactive", "sub": "dead", "job": 17}, "restarting", False, True),
        ({"active": "deactivating", "sub": "stop-sigterm"}, "ending", False, False),
        ({"active": "deactivating", "sub": "stop-post"}, "ending", False, False),
        ({"active": "inactive", "sub": "dead"}, "exited", False, False),
        ({"active": "failed", "sub": "failed"}, "exited", False, False),
        ({"frozen": True}, "paused", True, False),
    ],
)
def test_what_systemd_is_about_to_do_is_not_taken_for_stopped(
    running: FakePodman, change: dict[str, Any], became: str, is_running: bool, restarting: bool
) -> None:
    vars(running.units[NAME]).update(change)
    found = seen(running)
    assert (found.status, found.running, found.restarting) == (became, is_running, restarting)
    if not is_running:
        assert (found.pid, found.memory) == (0, 32 * MIB), "what it will have"


def test_one_whose_process_is_gone_and_whose_monitor_is_not_is_ending(running: FakePodman) -> None:
    write(running.payload(running.units[NAME]) / "cgroup.procs", "")
    assert seen(running).status == "ending"


def test_one_that_podman_has_paused_is_paused_and_runs_on(running: FakePodman) -> None:
    write(running.payload(running.units[NAME]) / "cgroup.events", "populated 1\nfrozen 1\n")
    assert seen(running).status == "paused"
    running.engine(looks_only=True).resume(NAME)
    running.calls.clear()
    assert seen(running).status == "running"


def test_one_that_systemd_has_frozen_runs_on(running: FakePodman) -> None:
    running.units[NAME].frozen = True
    running.engine(looks_only=True).resume(NAME)
    assert seen(running).status == "running"


def test_a_runtime_that_puts_processes_one_further_down_is_followed(running: FakePodman) -> None:
    payload = running.payload(running.units[NAME])
    inside = (payload / "cgroup.procs").read_text()
    write(payload / "cgroup.procs", "")
    write(payload / "container/cgroup.procs", inside)
    assert seen(running).pid == int(running.units[NAME].container, 16)


def test_what_never_ran_is_created_and_what_was_stopped_has_exited(running: FakePodman) -> None:
    engine = running.engine()
    engine.stop(NAME, 5)
    found = seen(running)
    assert (found.status, found.comes_at_boot, found.exit_code) == ("exited", False, 0)
    lines = (running.robot.root / f"etc/containers/robot-stack/{NAME}.container").read_text().splitlines()
    engine.remove(NAME)
    engine.create(NAME, json.loads(lines[1].partition(": ")[2])["request"])
    running.calls.clear()
    assert seen(running).status == "created"


def test_a_container_is_found_by_its_id_as_well(running: FakePodman) -> None:
    found = seen(running)
    engine = running.engine(looks_only=True)
    assert engine.inspect(found.id) == found
    assert engine.inspect("nobody") is None
    assert [one.name for one in engine.containers()] == [NAME]
    assert [event.action for event in engine.events(found.id, 0.0, 4e9)] == ["start"]
    assert engine.events(found.id, 0.0, 1.0) == ()
    assert engine.events("nobody", 0.0, 4e9) == ()


def test_whoever_looks_only_starts_nothing_of_podmans(running: FakePodman) -> None:
    engine = running.engine(looks_only=True)
    assert engine.reachable()
    for asked in (engine.info, engine.image_ids, engine.volumes, lambda: engine.image("x:1")):
        with pytest.raises(EngineError, match="is not started here"):
            asked()
    assert running.calls == []


def test_somebody_elses_damaged_image_hides_no_other(running: FakePodman) -> None:
    running.name("theirs:1", {**running.brings, "Id": "7" * 64})
    running.name("others:1", {**running.brings, "Id": "8" * 64})
    running.damaged = {"7" * 64}
    engine = running.engine()
    assert engine.image_ids() == [f"sha256:{digit * 64}" for digit in "58"]
    assert (engine.image("theirs:1"), engine.image("sensor_service:1") is None) == (None, False)
    assert PodmanOperator(running.robot, running).call(service())["plan"] == []
    running.damaged = set(running.images)
    assert running.engine().image_ids() == []


def test_a_podman_that_does_not_answer_is_no_damaged_image(
    running: FakePodman, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hangs(words: list[str]) -> Any:
        raise EngineError(0, f"podman image did not end: {words}")

    monkeypatch.setattr(running, "_image", hangs)
    with pytest.raises(EngineError, match="did not end"):
        running.engine().image_ids()
    assert len(running.calls) == 2, "it was not asked for each image"


def test_whoever_looks_only_does_not_wait_for_a_start(running: FakePodman) -> None:
    running.stop(NAME)
    running.engine(looks_only=True).start(NAME)
    assert ["--no-block", "start", f"{NAME}.service"] in running.told
    assert seen(running).status == "running"


def test_one_that_runs_is_not_started_again(running: FakePodman) -> None:
    before = running.units[NAME].container
    running.engine().start(NAME)
    assert running.units[NAME].container == before
    assert not [words for words in running.told if "start" in words]


def test_a_unit_that_cannot_be_started_says_why_in_podmans_words(running: FakePodman) -> None:
    running.stop(NAME)
    running.images.clear()
    with pytest.raises(EngineError, match=r"exit 1: Job for .* failed"):
        running.engine().start(NAME)


def test_a_unit_that_quadlet_refuses_is_told(running: FakePodman) -> None:
    engine = running.engine()
    engine.stop(NAME, 5)
    running.reload = running.units.clear  # type: ignore[method-assign]
    with pytest.raises(EngineError, match=f"systemd has no {NAME}.service: "):
        engine.start(NAME)


@pytest.mark.parametrize("what", ["stop", "start", "rename"])
def test_what_is_not_there_cannot_be_changed(running: FakePodman, what: str) -> None:
    more: Any = {"stop": (5,), "start": (), "rename": ("other",)}[what]
    with pytest.raises(EngineError, match="no such container: robot-stack-nobody"):
        getattr(running.engine(), what)("robot-stack-nobody", *more)
    running.engine().remove("robot-stack-nobody")


def test_a_name_that_is_taken_is_not_taken_away(running: FakePodman) -> None:
    engine = running.engine()
    request = {"Image": "sensor_service:1"}
    with pytest.raises(EngineError, match="is there already"):
        engine.create(NAME, request)
    with pytest.raises(EngineError, match="is there already"):
        engine.rename(NAME, NAME)
    with pytest.raises(EngineError, match="no such image: other:1"):
        engine.create("robot-stack-other", {"Image": "other:1"})


def test_what_hangs_is_ended_by_a_signal_and_started_again_by_systemd(running: FakePodman) -> None:
    engine = running.engine(looks_only=True)
    before = seen(running)
    counted = restart.restart(engine, NAME, 0.2, running.robot.root / "proc", running.kill)
    after = seen(running)
    assert (counted, after.restarts, after.pid != before.pid) == (1, 1, True)
    assert after.exit_code == 128 + signal.SIGTERM


def test_another_process_with_its_number_is_not_ended(running: FakePodman) -> None:
    found = seen(running)
    write(running.robot.root / f"proc/{found.pid}/cgroup", "0::/user.slice\n")
    killed: list[int] = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(type(running.engine().driver), "restart_seconds", 0.2)
        with pytest.raises(EngineError, match="has not started"):
            restart.restart(running.engine(), NAME, 0.2, running.robot.root / "proc", lambda pid, _: killed.append(pid))
    assert killed == []


ODD = ["", "garbage", "ControlGroup=/../etc\nActiveState=active\n", "NRestarts=-5\nJob=x\n"]


@pytest.mark.parametrize("shown", ODD)
def test_what_systemd_says_oddly_is_nothing_that_runs(shown: str, robot: Robot) -> None:
    told = status.parse(shown)
    assert (told.restarts, told.job) == (0, False)
    assert status.payload_of(told.cgroup, robot.roots) is None


# Podman's programs


@pytest.fixture
def program(tmp_path: Path, robot: Robot) -> Any:
    """A program in Podman's place that does what a test says."""

    def make(script: str) -> programs.Programs:
        path = write(tmp_path / "usr/bin/podman", f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return programs.Programs(Roots(tmp_path))

    return make


def test_a_program_is_told_what_is_asked_and_the_first_to_go(program: Any) -> None:
    asked = program('echo "$*"; cat /proc/self/oom_score_adj; echo "$HOME $SECRET"').ask("images", "--quiet")
    assert asked.splitlines() == ["images --quiet", str(programs.OOM_SCORE), "/root "]


@pytest.mark.parametrize(
    ("script", "code", "words"),
    [
        ("echo 'Error: x: image not known' >&2; exit 125", 404, "podman rmi: Error: x: image not known"),
        ("echo 'Error: no such container x' >&2; exit 125", 404, "no such container"),
        ("echo 'image used by 1: image is in use by a container' >&2; exit 2", 409, "in use"),
        ("exit 7", 500, "podman rmi: exit code 7"),
        ("head -c 9000 /dev/zero | tr '\\0' x >&2; exit 1", 500, "podman rmi: xxx"),
    ],
)
def test_a_program_that_fails_says_why(program: Any, script: str, code: int, words: str) -> None:
    with pytest.raises(EngineError, match=words) as raised:
        program(script).ask("rmi", "x")
    assert raised.value.status == code
    assert len(str(raised.value)) < 2100


def test_a_program_is_bounded_in_time_and_in_words(program: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EngineError, match="did not end within 0 s"):
        program("exec sleep 60").ask("info", seconds=0.2)
    monkeypatch.setattr(programs, "LARGEST_ANSWER", 10)
    with pytest.raises(EngineError, match="answered with more than"):
        program("echo 12345678901").ask("info")


def test_a_program_that_is_not_there_is_an_error(tmp_path: Path, robot: Robot) -> None:
    with pytest.raises(EngineError, match="podman info cannot be started"):
        programs.Programs(Roots(tmp_path)).ask("info")


@pytest.mark.parametrize("answer", ["", "[]", "null"])
def test_an_answer_that_lists_nothing_is_none(program: Any, answer: str, tmp_path: Path) -> None:
    program(f"printf '%s' '{answer}'")
    engine = PodmanEngine(Roots(tmp_path))
    assert not engine.reachable()
    assert (engine.containers(), engine.volumes()) == ([], [])


@pytest.mark.parametrize("answer", ["{", "5", '"x"', "[[1]]", "[5]", "{}"])
def test_an_odd_answer_is_an_error(program: Any, answer: str, tmp_path: Path) -> None:
    program(f"printf '%s' '{answer}'")
    engine = PodmanEngine(Roots(tmp_path))
    for asked in (engine.containers, engine.volumes):
        with pytest.raises(EngineError, match=r"podman (ps|volume)"):
            asked()


def test_a_password_is_on_no_command_line(program: Any, tmp_path: Path) -> None:
    there = sorted((tmp_path / "run").iterdir())
    program(f'echo "$*" >{tmp_path}/told; cat $(echo "$*" | sed "s/.*authfile=\\([^ ]*\\).*/\\1/") >{tmp_path}/file')
    PodmanEngine(Roots(tmp_path)).pull("registry:5000/it@sha256:" + "a" * 64, "me", "sesame")
    assert "sesame" not in (tmp_path / "told").read_text()
    held = json.loads((tmp_path / "file").read_text())
    assert held == {"auths": {"registry:5000": {"auth": "bWU6c2VzYW1l"}}}
    assert sorted((tmp_path / "run").iterdir()) == there


def test_the_engine_of_each_kind_is_connected_to(robot: Robot) -> None:
    assert (drivers.kind_of(""), drivers.kind_of("/run/x.sock")) == ("podman", "docker")
    assert drivers.connect("podman", "").driver.name == "Podman"
    assert drivers.connect("docker", "/run/x.sock").driver.name == "Docker"
    assert drivers.other_than("podman", "").driver.name == "Docker"
    assert drivers.other_than("docker", "").driver.name == "Podman"
