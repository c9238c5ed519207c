"""A robot changes from one kind of engine to the other and back: data stays, and an engine of ours leaves."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.apply import apply
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.docker import setup
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.docker.api import DockerEngine
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.podman import driver
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.protocol import EngineError
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.plan import actions
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records import state
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.run import answer
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec import parse
from robot_stack.fake_engine import FakeEngine
from robot_stack.fake_podman import SPEC, FakePodman, PodmanOperator
from robot_stack.operating import NAME, ROOT, Operator
from robot_stack.robots import IMAGE, MIB, Robot, parameters, service, write

pytestmark = [pytest.mark.usefixtures("any_owner"), pytest.mark.parametrize("robot", [2], indirect=True)]
THEIRS = {"Id": "9" * 64, "Name": "/theirs", "Image": "sha256:9", "Config": {}, "State": {"Running": True}}
DOCKER_PACKAGE = "\nPackage: docker.io\nStatus: install ok installed\n"


@pytest.fixture
def to_podman(robot: Robot, podman: FakePodman, fake: FakeEngine) -> PodmanOperator:
    operator = PodmanOperator(robot, podman)
    operator.other = DockerEngine(fake.socket)
    return operator


@pytest.fixture
def to_docker(robot: Robot, podman: FakePodman, fake: FakeEngine) -> Operator:
    operator = Operator(robot, fake)
    operator.other = podman.engine()
    return operator


def docker_is_ours(robot: Robot, fake: FakeEngine) -> None:
    """Install it as a run does that finds none."""
    Operator(robot, None).call(service(), sent=False)
    write(robot.root / setup.BINARIES[0][1:], "")
    status = robot.root / "var/lib/dpkg/status"
    status.write_text(status.read_text() + DOCKER_PACKAGE)
    write(robot.root / "var/lib/docker/image", "")
    assert state.load(robot.root / ROOT).engine_packages == ["docker.io"]


def podman_is_ours(robot: Robot, podman: FakePodman) -> None:
    """Install it as a run does that finds none, and deploy with it."""
    (robot.root / "usr/bin/podman").unlink()
    installed = (robot.root / "var/lib/dpkg/status").read_text()
    write(robot.root / "var/lib/dpkg/status", "Package: base\nStatus: install ok installed\n")
    PodmanOperator(robot, podman).call(service(), sent=False)
    write(robot.root / "usr/bin/podman", "")
    write(robot.root / "var/lib/dpkg/status", installed)
    PodmanOperator(robot, podman).call(service())
    write(robot.root / "var/lib/containers/storage/overlay/x", "")


def docker_is_gone(robot: Robot, fake: FakeEngine) -> None:
    """As after the controller's purge."""
    (robot.root / setup.BINARIES[0][1:]).unlink()
    status = robot.root / "var/lib/dpkg/status"
    status.write_text(status.read_text().replace(DOCKER_PACKAGE, ""))
    fake.socket = "/nowhere"


def test_an_engine_of_somebody_elses_is_left_as_it_was(
    robot: Robot, fake: FakeEngine, podman: FakePodman, to_podman: PodmanOperator
) -> None:
    write(robot.root / setup.BINARIES[0][1:], "")
    fake.containers["theirs"] = dict(THEIRS)
    Operator(robot, fake).call(service())
    planned = to_podman.call(service(), check=True, sent=False)
    assert f"create container {NAME} (32 MiB), in place of the one of Docker" in planned["plan"]
    done = to_podman.call(service())
    assert (done.get("failed"), done["verdict"], done["fresh"]) == (None, "ok", []), done
    assert list(fake.containers) == ["theirs"]
    assert "sensor_service:1" not in fake.images
    assert podman.units[NAME].active == "active"
    known = state.load(robot.root / ROOT)
    assert (known.engine_kind, known.former_kind, known.former_images) == ("podman", "", [])
    again = to_podman.call(service())
    assert (again["plan"], again["changed"]) == ([], False)


def test_an_engine_of_ours_leaves_once_everything_runs_on_the_other(
    robot: Robot, fake: FakeEngine, podman: FakePodman, to_podman: PodmanOperator
) -> None:
    docker_is_ours(robot, fake)
    Operator(robot, fake).call(service(), service("victoriametrics", 50))
    write(robot.root / "var/lib/robot-stack/victoriametrics/data/samples", "1")
    declared = (service(), service("victoriametrics", 50))
    planned = to_podman.call(*declared, check=True, sent=False)
    assert "remove docker.io, which this project installed" in planned["plan"]
    assert "leave Docker" in planned["plan"]

    first = to_podman.call(*declared)
    assert first["needs"] == [{"kind": "purge", "names": ["docker.io"], "platform": "debian"}]
    assert fake.containers == {}
    assert {unit.active for unit in podman.units.values()} == {"active"}
    assert (robot.root / "etc/docker/daemon.json").exists()

    docker_is_gone(robot, fake)
    to_podman.other = DockerEngine("/nowhere")
    second = to_podman.call(*declared)
    assert (second.get("failed"), second.get("needs")) == (None, None), second
    assert not (robot.root / "etc/docker/daemon.json").exists()
    assert not list((robot.root / "etc/systemd/system").glob("docker.service.d/*"))
    assert not (robot.root / "var/lib/docker").exists()
    assert (robot.root / "var/lib/robot-stack/victoriametrics/data/samples").read_text() == "1"
    assert state.load(robot.root / ROOT).former_kind == ""
    assert to_podman.call(*declared)["plan"] == []


def test_the_ceiling_comes_down_once_an_engine_of_ours_is_gone(
    robot: Robot, fake: FakeEngine, podman: FakePodman, to_podman: PodmanOperator
) -> None:
    """Until the controller has removed its packages, it runs below the ceiling, and needs the room."""
    docker_is_ours(robot, fake)
    Operator(robot, fake).call(service())
    limit = robot.root / "sys/fs/cgroup/robotstack.slice/memory.max"
    assert to_podman.call(service())["needs"]
    assert limit.read_text().strip() == str(300 * MIB)
    docker_is_gone(robot, fake)
    to_podman.other = DockerEngine("/nowhere")
    assert to_podman.call(service()).get("failed") is None
    assert limit.read_text().strip() == str(150 * MIB)
    assert to_podman.call(service())["plan"] == []


def test_a_cut_before_the_former_container_is_removed_is_made_up_for(
    robot: Robot, fake: FakeEngine, podman: FakePodman, to_podman: PodmanOperator
) -> None:
    write(robot.root / setup.BINARIES[0][1:], "")
    Operator(robot, fake).call(service())
    fake.errors[f"DELETE /containers/{NAME}"] = (500, b'{"message": "device or resource busy"}')
    with pytest.raises(EngineError, match="busy"):
        to_podman.call(service())
    assert podman.units[NAME].active == "active"
    assert list(fake.containers) == [NAME]
    fake.errors.clear()
    runs = podman.units[NAME].container
    done = to_podman.call(service())
    assert (done.get("failed"), fake.containers) == (None, {}), done
    assert podman.units[NAME].container == runs, "what is as declared was not made anew"
    assert to_podman.call(service())["plan"] == []


def test_the_engine_of_now_is_not_disabled_for_the_one_before(
    robot: Robot, fake: FakeEngine, podman: FakePodman, to_docker: Operator
) -> None:
    """Both are somebody else's, and Docker did not start at boot before this project needed it."""
    write(robot.root / setup.BINARIES[0][1:], "")
    PodmanOperator(robot, podman).call(service())
    known = state.of_kind(state.load(robot.root / ROOT), "docker")
    state.save(replace(known, enabled_unit="docker.service"), robot.root / ROOT)
    done = to_docker.call(service())
    assert done.get("failed") is None, done
    assert not [words for words in done["plan"] if "not start at boot" in words]
    assert state.load(robot.root / ROOT).enabled_unit == "docker.service", "a removal disables it"


def test_the_ceiling_comes_down_last(
    robot: Robot, fake: FakeEngine, podman: FakePodman, to_podman: PodmanOperator, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(robot.root / setup.BINARIES[0][1:], "")
    Operator(robot, fake).call(service())
    limits = []
    real = apply.Applier._do

    def do(self: apply.Applier, step: Any) -> None:
        if isinstance(step.action, actions.MakeContainer):
            limits.append((robot.root / "sys/fs/cgroup/robotstack.slice/memory.max").read_text().strip())
        real(self, step)

    monkeypatch.setattr(apply.Applier, "_do", do)
    done = to_podman.call(service())
    assert limits == [str(300 * MIB)]
    assert done["budget"]["slice_limit_mib"] == 150.0


def test_a_service_that_fails_on_the_new_engine_runs_again_on_the_former(
    robot: Robot, fake: FakeEngine, podman: FakePodman, to_podman: PodmanOperator
) -> None:
    write(robot.root / setup.BINARIES[0][1:], "")
    Operator(robot, fake).call(service())
    podman.failing = NAME
    with pytest.raises(apply.ServiceFailedError, match="its container of Docker was started again"):
        to_podman.call(service())
    assert fake.containers[NAME]["State"]["Running"]
    assert podman.units == {}
    podman.failing = ""
    done = to_podman.call(service())
    assert (done.get("failed"), done["verdict"], fake.containers) == (None, "ok", {})


def test_a_former_engine_that_does_not_answer_is_asked_for(
    robot: Robot, fake: FakeEngine, podman: FakePodman, to_podman: PodmanOperator
) -> None:
    write(robot.root / setup.BINARIES[0][1:], "")
    Operator(robot, fake).call(service())
    to_podman.other = DockerEngine("/nowhere")
    told = to_podman.call(service())
    assert told["failed"]
    assert "its container engine changes from Docker to Podman, and Docker does not say what is on it" in told["msg"]
    assert (podman.changes, podman.told) == ([], [])


def test_a_former_engine_is_asked_where_it_listened_also_after_a_run_that_failed(
    robot: Robot, fake: FakeEngine, podman: FakePodman, to_podman: PodmanOperator
) -> None:
    write(robot.root / setup.BINARIES[0][1:], "")
    declared = {**parameters()["engine"], "socket": fake.socket}
    Operator(robot, fake).call(service(), engine=declared)
    stack = parse.parse(to_podman.parameters(service()))
    podman.failing = NAME
    to_podman.other = answer.former_engine(stack, robot.roots)
    with pytest.raises(apply.ServiceFailedError, match="its container of Docker was started again"):
        to_podman.call(service())
    podman.failing = ""
    assert json.loads((robot.root / ROOT / "watchdog/stack.json").read_text())["socket"] == ""
    assert state.load(robot.root / ROOT).former_socket == fake.socket
    to_podman.other = answer.former_engine(stack, robot.roots)
    done = to_podman.call(service())
    assert (done.get("failed"), fake.containers) == (None, {}), done
    assert state.load(robot.root / ROOT).former_socket == ""


def test_one_service_alone_does_not_change_the_engine(
    robot: Robot, fake: FakeEngine, podman: FakePodman, to_podman: PodmanOperator
) -> None:
    write(robot.root / setup.BINARIES[0][1:], "")
    declared = (service(), service("victoriametrics", 50))
    Operator(robot, fake).call(*declared)
    told = to_podman.call(*declared, scope=["sensor_service"])
    assert "run without --tags" in told["msg"]
    assert len(fake.containers) == 2


def test_what_is_kept_stopped_or_declared_no_more_leaves_as_well(
    robot: Robot, fake: FakeEngine, podman: FakePodman, to_podman: PodmanOperator
) -> None:
    write(robot.root / setup.BINARIES[0][1:], "")
    Operator(robot, fake).call(service(), service("victoriametrics", 50))
    done = to_podman.call(service(), stopped=["sensor_service"])
    assert done.get("failed") is None, done
    assert (fake.containers, podman.units) == ({}, {})
    assert [path.stem for path in (robot.root / ROOT / "watchdog/services").iterdir()] == ["sensor_service"]


def test_back_again(robot: Robot, fake: FakeEngine, podman: FakePodman, to_docker: Operator) -> None:
    write(robot.root / setup.BINARIES[0][1:], "")
    PodmanOperator(robot, podman).call(service())
    assert podman.units[NAME].active == "active"
    done = to_docker.call(service())
    assert (done.get("failed"), done["verdict"]) == (None, "ok"), done
    assert fake.containers[NAME]["State"]["Running"]
    assert not list((robot.root / "etc/containers").rglob("*.container"))
    assert podman.images == {}
    known = state.load(robot.root / ROOT)
    assert (known.engine_kind, known.former_kind) == ("docker", "")
    assert to_docker.call(service())["plan"] == []


def test_podman_leaves_where_it_was_ours(
    robot: Robot, fake: FakeEngine, podman: FakePodman, to_docker: Operator
) -> None:
    write(robot.root / setup.BINARIES[0][1:], "")
    podman_is_ours(robot, podman)
    first = to_docker.call(service())
    assert first["needs"] == [{"kind": "purge", "names": SPEC["packages"], "platform": "debian"}]
    (robot.root / "usr/bin/podman").unlink()
    write(robot.root / "var/lib/dpkg/status", "Package: base\nStatus: install ok installed\n")
    second = to_docker.call(service())
    assert second.get("failed") is None, second
    assert not (robot.root / driver.DROP_IN[1:]).exists()
    assert not (robot.root / "var/lib/containers/storage").exists()
    assert to_docker.call(service())["plan"] == []


def test_podman_stays_where_others_keep_containers_in_its_storage(
    robot: Robot, fake: FakeEngine, podman: FakePodman, to_docker: Operator
) -> None:
    write(robot.root / setup.BINARIES[0][1:], "")
    podman_is_ours(robot, podman)
    podman.unlisted = {"alpine-working-container": "7" * 64}  # buildah from alpine
    done = to_docker.call(service())
    assert (done.get("failed"), done.get("needs")) == (None, None), done
    assert (robot.root / "var/lib/containers/storage/overlay/x").exists()
    assert podman.units == {}


@pytest.mark.parametrize("use", ["container", "image"])
def test_an_engine_that_others_use_by_now_stays(
    robot: Robot, fake: FakeEngine, podman: FakePodman, to_podman: PodmanOperator, use: str
) -> None:
    docker_is_ours(robot, fake)
    Operator(robot, fake).call(service())
    if use == "container":
        fake.containers["theirs"] = dict(THEIRS)
    else:
        fake.images["theirs:1"] = {**IMAGE, "Id": "sha256:9"}
    done = to_podman.call(service())
    assert (done.get("failed"), done.get("needs")) == (None, None), done
    assert (list(fake.containers) == ["theirs"], "theirs:1" in fake.images) == (use == "container", use == "image")
    assert (robot.root / "var/lib/docker").is_dir()
    assert not list((robot.root / "etc/systemd/system").glob("docker.service.d/*"))
    assert ["systemctl", "restart", "docker.service"] in to_podman.systemctl
    assert to_podman.call(service())["plan"] == []


def test_a_change_that_was_cut_off_is_taken_off_by_a_removal_as_well(
    robot: Robot, fake: FakeEngine, podman: FakePodman, to_podman: PodmanOperator
) -> None:
    write(robot.root / setup.BINARIES[0][1:], "")
    Operator(robot, fake).call(service(), service("victoriametrics", 50))
    podman.failing = "robot-stack-victoriametrics"
    with pytest.raises(apply.ServiceFailedError):
        to_podman.call(service(), service("victoriametrics", 50))
    assert set(fake.containers) == {"robot-stack-victoriametrics"}
    told = to_podman.call(state="absent", sent=False)
    assert told.get("failed") is None, told
    assert (fake.containers, podman.units) == ({}, {})


def test_a_robot_with_the_other_engine_beside_it_is_left_alone(
    robot: Robot, fake: FakeEngine, podman: FakePodman, to_docker: Operator
) -> None:
    """Somebody's Podman is no engine that the robot had before: none of its programs is started."""
    done = to_docker.call(service())
    assert done.get("failed") is None, done
    assert podman.calls == []
    assert to_docker.call(service())["plan"] == []


IDLE = {"LoadState": "loaded", "ActiveState": "inactive", "SubState": "dead"}


@pytest.mark.parametrize(
    "unit",
    [
        IDLE,  # and its socket is active: whoever connects starts it
        {**IDLE, "ActiveState": "failed", "SubState": "failed"},
        {**IDLE, "LoadState": "masked", "UnitFileState": "masked"},
        {**IDLE, "LoadState": "not-found", "UnitFileState": ""},
    ],
    ids=["idle", "failed", "masked", "unknown"],
)
@pytest.mark.parametrize("how", [{}, {"check": True}, {"state": "verified"}, {"state": "absent"}], ids=str)
def test_an_engine_of_somebody_elses_that_does_not_run_is_not_woken(
    robot: Robot, fake: FakeEngine, to_podman: PodmanOperator, unit: dict[str, str], how: dict[str, Any]
) -> None:
    write(robot.root / setup.BINARIES[0][1:], "")
    robot.units["docker.service"] = unit
    to_podman.call(service(), **how)
    assert fake.calls == []


def test_an_engine_that_runs_is_asked_for_containers_of_ours_whatever_is_remembered(
    robot: Robot, fake: FakeEngine, to_podman: PodmanOperator
) -> None:
    write(robot.root / setup.BINARIES[0][1:], "")
    Operator(robot, fake).call(service())
    (robot.root / ROOT / state.FILE).unlink()
    done = to_podman.call(service())
    assert (done.get("failed"), fake.containers) == (None, {}), done


def test_one_that_the_robot_is_known_to_have_had_is_asked_even_where_that_starts_it(
    robot: Robot, fake: FakeEngine, to_podman: PodmanOperator
) -> None:
    write(robot.root / setup.BINARIES[0][1:], "")
    Operator(robot, fake).call(service())
    robot.units["docker.service"] = IDLE
    done = to_podman.call(service())
    assert (done.get("failed"), fake.containers) == (None, {}), done


@pytest.mark.parametrize("kind", ["docker", "podman"])
def test_a_state_of_an_earlier_version_is_dockers(robot: Robot, kind: str) -> None:
    before = state.State(["docker.io"], "x", ["i:1"], {"s": state.ServiceRecord("c")}, enabled_unit="docker.service")
    now = state.of_kind(before, kind)
    if kind == "docker":
        assert now == before
        return
    assert (now.engine_packages, now.images, now.former_kind) == ([], [], "docker")
    assert (now.former_packages, now.former_images) == (["docker.io"], ["i:1"])
    back = state.of_kind(now, "docker")
    assert (back.engine_packages, back.images) == (["docker.io"], ["i:1"])
    assert state.of_kind(state.State(), "podman") == state.State(engine_kind="podman")
    assert state.without_former(now, setup.UNITS).former_kind == ""
    assert state.without_former(now, setup.UNITS).enabled_unit == ""
    assert state.without_former(now, ()).enabled_unit == "docker.service", "which is the other engine's"
    state.save(now, robot.root)
    assert state.load(robot.root) == now
    assert json.loads((robot.root / "state.json").read_text())["engine_kind"] == "podman"


def test_a_run_that_knows_the_former_engine_alone_was_overtaken(
    robot: Robot, fake: FakeEngine, podman: FakePodman, to_podman: PodmanOperator, to_docker: Operator
) -> None:
    write(robot.root / setup.BINARIES[0][1:], "")
    fake.containers["theirs"] = dict(THEIRS)
    to_docker.call(service())
    assert to_docker.call(service(), state="proven", sent=False)["proven"]
    assert to_podman.call(service()).get("failed") is None
    lost = to_docker.call(service(), state="proven", sent=False)
    assert lost["objections"][0].startswith("engine: overtaken: another run declared something else")
    assert list(fake.containers) == ["theirs"], "nothing is made again on the engine that was left"
    assert podman.units[NAME].active == "active"
