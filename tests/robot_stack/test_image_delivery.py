"""Images on their way to a robot: what it says that it lacks, what it refuses, what it never does, what it keeps."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.apply import apply
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.base.files import file_digest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine import image, staging
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.docker.api import DockerEngine
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.protocol import EngineError
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records import state
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.run import run
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec import parse
from robot_stack.fake_engine import FakeEngine
from robot_stack.robots import IMAGE, Robot, parameters, service, write

pytestmark = pytest.mark.usefixtures("any_owner")
ROOT = "var/lib/robot-stack"
NAME = "robot-stack-sensor_service"
REFERENCE = "sensor_service:1"
PINNED = "registry.example:5000/sensor_service@sha256:" + "a" * 64


def made_of(identity: str, *layers: str) -> dict[str, Any]:
    """An image of other layers than the one that the services of these tests ask for."""
    return {**IMAGE, "Id": identity, "RootFS": {"Layers": [f"sha256:{layer}" for layer in layers]}}


def asking_for(wanted: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A service that asks for one image."""
    return service(image={"reference": REFERENCE, "fingerprints": {"amd64": image.fingerprint(wanted)}}, **more)


def call(
    robot: Robot, fake: FakeEngine, *services: dict[str, Any], archives: Any = None, **more: Any
) -> dict[str, Any]:
    stack = parse.parse(parameters(*services, **more))
    engine = DockerEngine(fake.socket)
    applier = apply.Applier(
        stack, robot.roots, engine, archives or {}, run=robot.systemctl([]), clock=lambda: 1000.0, pause=lambda _: None
    )
    made = run.Call(stack, robot.roots, engine, archives or {}, clock=lambda: 1000.0, applier=applier)
    fake.calls.clear()
    result: dict[str, Any] = run.execute(made)
    return result


def staged(robot: Robot, left_out: int = 0, content: str = REFERENCE, digest: str = "") -> dict[str, staging.Archive]:
    """An archive that the controller has sent; its content is the name that it brings."""
    path = write(robot.root / ROOT / "staging" / "it.archive", content)
    right = file_digest(path)
    return {REFERENCE: staging.Archive(f"/{ROOT}/staging/it.archive", digest or right, left_out)}


def test_a_robot_tells_the_layers_of_all_its_images_in_few_bytes(robot: Robot, fake: FakeEngine) -> None:
    fake.images = {
        "a:1": made_of("1", "a" * 64, "b" * 64),
        "b:1": made_of("2", "a" * 64),
        "c:1": made_of("3", "a" * 64),
    }
    (need,) = call(robot, fake, service())["needs"]
    assert need["chains"] == [["a" * 16], ["a" * 16, "b" * 16]]


def test_an_engine_with_containerds_store_is_offered_nothing_to_leave_out(robot: Robot, fake: FakeEngine) -> None:
    fake.images = {"a:1": made_of("1", "a" * 64)}
    fake.driver_status = [["driver-type", "io.containerd.snapshotter.v1"]]
    (need,) = call(robot, fake, service())["needs"]
    assert need["chains"] == []


def test_a_robot_tells_what_has_arrived_of_a_cut_delivery(robot: Robot, fake: FakeEngine) -> None:
    write(robot.root / ROOT / "staging/it.archive", "half")
    (need,) = call(robot, fake, service())["needs"]
    digest = "sha256:" + hashlib.sha256(b"half").hexdigest()
    assert need["staged"] == [{"name": "it.archive", "bytes": 4, "digest": digest}]


def test_a_damaged_archive_is_asked_for_again_and_nothing_is_loaded(robot: Robot, fake: FakeEngine) -> None:
    archives = staged(robot, digest="sha256:" + "0" * 64)
    (need,) = call(robot, fake, service(), archives=archives)["needs"]
    assert (need["reference"], need["staged"]) == (REFERENCE, [])
    assert fake.changes == []


def test_an_engine_that_refuses_a_thin_archive_is_sent_the_whole_one(robot: Robot, fake: FakeEngine) -> None:
    fake.errors["POST /images/load"] = (500, b'{"message": "no such layer"}')
    told = call(robot, fake, service(), archives=staged(robot, left_out=1))
    (need,) = told["needs"]
    assert (need["whole"], need["why"], need["staged"]) == (True, "no such layer", [])
    assert [change for change in fake.changes if "containers" in change] == []
    fake.errors.clear()
    assert not call(robot, fake, service(), archives=staged(robot)).get("needs")


def test_an_engine_that_refuses_a_whole_archive_fails_the_robot(robot: Robot, fake: FakeEngine) -> None:
    fake.errors["POST /images/load"] = (500, b'{"message": "unexpected EOF"}')
    with pytest.raises(EngineError, match="unexpected EOF"):
        call(robot, fake, service(), archives=staged(robot))


@pytest.mark.parametrize("left_out", [0, 1])
def test_an_engine_without_room_has_refused_no_layers_and_the_archive_goes(
    robot: Robot, fake: FakeEngine, left_out: int
) -> None:
    fake.errors["POST /images/load"] = (500, b'{"message": "write /usr/bin/python3: No space left on device"}')
    archives = staged(robot, left_out=left_out)
    with pytest.raises(EngineError, match="space left on device"):
        call(robot, fake, service(), archives=archives)
    assert not any((robot.root / ROOT / "staging").iterdir())


def test_what_turns_out_to_be_another_image_never_gets_used(robot: Robot, fake: FakeEngine) -> None:
    old, new, wrong = made_of("sha256:old", "a"), made_of("sha256:new", "b"), made_of("sha256:wrong", "c")
    fake.brings = old
    call(robot, fake, asking_for(old), archives=staged(robot))
    before = fake.containers[NAME]["Id"]
    fake.brings = wrong
    with pytest.raises(EngineError, match="is not the image that the controller sent"):
        call(robot, fake, asking_for(new), archives=staged(robot))
    assert fake.images[REFERENCE] == old
    assert (fake.containers[NAME]["Id"], fake.containers[NAME]["State"]["Running"]) == (before, True)


def test_an_archive_is_kept_where_the_engine_went_away_while_it_loaded(
    robot: Robot, fake: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> str:
        raise EngineError(0, "the container engine does not answer")

    with monkeypatch.context() as patch:
        patch.setattr(DockerEngine, "load", away)
        with pytest.raises(EngineError, match="does not answer"):
            call(robot, fake, service(), archives=staged(robot, left_out=1))
    (need,) = call(robot, fake, service())["needs"]
    assert [part["name"] for part in need["staged"]] == ["it.archive"]


@pytest.fixture
def settled(robot: Robot, fake: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], bool, list[str]]]:
    """What there was when the disk was waited for: images, the archive, the containers made."""
    seen: list[tuple[list[str], bool, list[str]]] = []

    def sync() -> None:
        created = [change for change in fake.changes if "/containers/create" in change]
        seen.append((list(fake.images), (robot.root / ROOT / "staging/it.archive").exists(), created))

    monkeypatch.setattr(os, "sync", sync)
    return seen


def test_an_archive_goes_after_its_image_is_on_the_disk(
    robot: Robot, fake: FakeEngine, settled: list[tuple[list[str], bool, list[str]]]
) -> None:
    call(robot, fake, service(), archives=staged(robot))
    assert settled == [([REFERENCE], True, [])]
    call(robot, fake, service())
    assert len(settled) == 1, "a run that brings no image waits for none"


def test_a_pulled_image_is_used_after_it_is_on_the_disk(
    robot: Robot, fake: FakeEngine, settled: list[tuple[list[str], bool, list[str]]]
) -> None:
    call(robot, fake, pinned())
    assert settled == [([PINNED], False, [])]


def test_every_image_is_there_before_any_container_is_touched(robot: Robot, fake: FakeEngine) -> None:
    one = staged(robot)
    two = write(robot.root / ROOT / "staging/two.archive", "victoriametrics:1")
    one["victoriametrics:1"] = staging.Archive(f"/{ROOT}/staging/two.archive", file_digest(two))
    call(robot, fake, service(), service("victoriametrics", 50), archives=one)
    loads = [i for i, change in enumerate(fake.changes) if "/images/load" in change]
    creates = [i for i, change in enumerate(fake.changes) if "/containers/create" in change]
    assert len(loads) == len(creates) == 2
    assert max(loads) < min(creates)


def test_nothing_is_left_in_the_staging_directory(robot: Robot, fake: FakeEngine) -> None:
    write(robot.root / ROOT / "staging/of-an-older-version.archive", "half")
    call(robot, fake, service(), archives=staged(robot))
    assert not (robot.root / ROOT / "staging").exists()


def pinned(reference: str = PINNED) -> dict[str, Any]:
    return service(image={"reference": reference})


def test_a_pinned_image_is_pulled_by_its_digest_with_the_login_in_a_header_alone(
    robot: Robot, fake: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    logins = []
    answer = fake.answer

    def noted(method: str, target: str, body: bytes) -> Any:
        if "/images/create" in target:
            logins.append(json.loads(base64.urlsafe_b64decode(fake.headers["X-Registry-Auth"])))
        return answer(method, target, body)

    monkeypatch.setattr(fake, "answer", noted)
    told = call(robot, fake, pinned(), registry={"username": "fleet", "password": "hidden"})
    assert f"pull image {PINNED}" in told["plan"]
    (login,) = logins
    assert login == {"username": "fleet", "password": "hidden", "serveraddress": "registry.example:5000"}
    assert "hidden" not in json.dumps([told, fake.calls])
    assert "hidden" not in repr(parse.parse(parameters(pinned(), registry={"username": "fleet", "password": "hidden"})))
    assert fake.containers[NAME]["Config"]["Image"] == PINNED
    again = call(robot, fake, pinned())
    assert (again["changed"], fake.changes) == (False, [])


@pytest.mark.parametrize(
    ("name", "server"),
    [
        ("acme/sensor-service", "https://index.docker.io/v1/"),
        ("docker.io/acme/sensor-service", "https://index.docker.io/v1/"),
        ("alpine", "https://index.docker.io/v1/"),
        ("registry.example/sensor-service", "registry.example"),
        ("registry:5000/acme/sensor-service", "registry:5000"),
        ("localhost/sensor-service", "localhost"),
    ],
)
def test_a_login_names_the_registry_as_engines_file_it(
    fake: FakeEngine, monkeypatch: pytest.MonkeyPatch, name: str, server: str
) -> None:
    """An engine that keeps images in containerd's store drops a login of any other."""
    headers: list[str] = []
    answer = fake.answer

    def noted(method: str, target: str, body: bytes) -> Any:
        headers.extend([fake.headers["X-Registry-Auth"]] if "/images/create" in target else [])
        return answer(method, target, body)

    monkeypatch.setattr(fake, "answer", noted)
    DockerEngine(fake.socket).pull(f"{name}@sha256:{'a' * 64}", "fleet", "hidden")
    assert [json.loads(base64.urlsafe_b64decode(one))["serveraddress"] for one in headers] == [server]


def test_an_image_of_two_services_is_brought_once(robot: Robot, fake: FakeEngine) -> None:
    both = [service(f"lidar_{side}", image=service()["image"]) for side in ("left", "right")]
    (need,) = call(robot, fake, *both)["needs"]
    told = call(robot, fake, *both, archives=staged(robot))
    assert [line for line in told["plan"] if "image" in line] == [f"load image {need['reference']}"]
    assert {f"robot-stack-lidar_{side}" for side in ("left", "right")} <= set(fake.containers)
    assert call(robot, fake, *both)["changed"] is False


def test_a_pull_that_fails_leaves_what_runs_alone(robot: Robot, fake: FakeEngine) -> None:
    call(robot, fake, pinned())
    before = fake.containers[NAME]["Id"]
    fake.errors["POST /images/create"] = (200, b'{"status": "Pulling"}\n{"error": "manifest unknown"}\n')
    with pytest.raises(EngineError, match="manifest unknown"):
        call(robot, fake, pinned(PINNED.replace("a" * 64, "b" * 64)))
    assert (fake.containers[NAME]["Id"], fake.containers[NAME]["State"]["Running"]) == (before, True)


def test_the_image_that_ran_before_is_kept_and_older_ones_of_ours_go(robot: Robot, fake: FakeEngine) -> None:
    fake.images["somebody/elses:1"] = made_of("sha256:foreign", "f")
    versions = [made_of(f"sha256:{number}", str(number)) for number in range(4)]
    for version in versions:
        fake.brings = version
        call(robot, fake, asking_for(version), archives=staged(robot))
    assert {found["Id"] for found in fake.images.values()} == {"sha256:foreign", "sha256:2", "sha256:3"}
    remembered = state.load(robot.root / ROOT)
    assert remembered.image_history == {"sensor_service": ["sha256:3", "sha256:2"]}
    # a changed limit is not another image
    call(robot, fake, asking_for(versions[3], limit=40))
    assert state.load(robot.root / ROOT).image_history == {"sensor_service": ["sha256:3", "sha256:2"]}


def test_an_image_that_was_there_before_us_is_never_removed(robot: Robot, fake: FakeEngine) -> None:
    theirs, ours = made_of("sha256:theirs", "a"), made_of("sha256:ours", "b")
    fake.images = {REFERENCE: theirs}
    call(robot, fake, asking_for(theirs))
    for version in (ours, made_of("sha256:more", "c"), made_of("sha256:most", "d")):
        fake.brings = version
        call(robot, fake, asking_for(version), archives=staged(robot))
    assert {found["Id"] for found in fake.images.values()} == {"sha256:theirs", "sha256:more", "sha256:most"}


def test_a_state_file_of_an_older_version_is_understood(tmp_path: Path) -> None:
    write(
        tmp_path / "state.json",
        '{"engine_packages": [], "engine_configuration": "", "images": ["a:1"], "services": {}}',
    )
    assert state.load(tmp_path) == state.State(images=["a:1"])
