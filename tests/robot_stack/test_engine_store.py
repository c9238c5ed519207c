"""The store of an engine of ours goes with it where it was looked into; what others would miss in it keeps it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.base.roots import Roots
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.docker import setup
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.docker.api import DockerEngine
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.podman import settings
from robot_stack.fake_engine import FakeEngine
from robot_stack.fake_podman import FakePodman, PodmanOperator
from robot_stack.operating import Operator
from robot_stack.robots import Robot, service, write
from robot_stack.test_engine_change import docker_is_gone, docker_is_ours, podman_is_ours
from robot_stack.test_engine_users import listed

pytestmark = [pytest.mark.usefixtures("any_owner"), pytest.mark.parametrize("robot", [2], indirect=True)]
USUAL, DOCKERS = "var/lib/containers/storage", "var/lib/docker"
MOVED = "# mine\n[storage]\ndriver = 'overlay'\ngraphroot = \"/data/containers\" # a disk\n[storage.options]\n"
THEIRS: dict[str, tuple[Callable[[Path], object], str]] = {
    "container": (listed(USUAL, "containers", ["theirs"]), "theirs"),
    "container that goes when it ends": (
        lambda root: write(root / USUAL / "overlay-containers/volatile-containers.json", '[{"id": "77"}]'),
        "77",
    ),
    "image": (listed(USUAL, "images", ["docker.io/library/alpine:3"]), "docker.io/library/alpine:3"),
    "volume": (lambda root: write(root / USUAL / "volumes/notes/_data/a", ""), "notes"),
    "secret": (lambda root: write(root / USUAL / "secrets/secrets.json", '{"secrets": {"key": {}}}'), "secret key"),
    "artifact": (
        lambda root: write(root / USUAL / "artifacts/index.json", '{"manifests": [{"digest": "sha256:7"}]}'),
        "artifact sha256:7",
    ),
}
OF_DOCKER: dict[str, tuple[Callable[[Path], object], str]] = {
    "container": (
        lambda root: write(root / DOCKERS / "containers/77/config.v2.json", json.dumps({"Name": "/theirs"})),
        "theirs",
    ),
    "image": (
        lambda root: write(
            root / DOCKERS / "image/overlay2/repositories.json",
            json.dumps({"Repositories": {"alpine": {"alpine:3": "sha256:7", "alpine@sha256:7": "sha256:7"}}}),
        ),
        "alpine:3",
    ),
    "volume": (lambda root: write(root / DOCKERS / "volumes/notes/_data/a", ""), "notes"),
}
WAYS = ["removal", "change"]


def podman_is_gone(robot: Robot) -> None:
    """As after the controller's purge, or anybody's."""
    (robot.root / "usr/bin/podman").unlink()
    write(robot.root / "var/lib/dpkg/status", "Package: base\nStatus: install ok installed\n")


def leave_podman(way: str, robot: Robot, podman: FakePodman, fake: FakeEngine) -> dict[str, Any]:
    """Have it removed, in one of the two ways."""
    if way == "removal":
        return PodmanOperator(robot, podman).call(service(), state="absent", remove_engine=True, sent=False)
    write(robot.root / setup.BINARIES[0][1:], "")
    operator = Operator(robot, fake)
    operator.other = podman.engine()
    return operator.call(service())


def leave_docker(way: str, robot: Robot, podman: FakePodman, socket: str) -> dict[str, Any]:
    if way == "removal":
        operator = Operator(robot, None)
        operator.engine = lambda: DockerEngine(socket)  # type: ignore[method-assign]
        return operator.call(service(), state="absent", remove_engine=True, sent=False)
    to_podman = PodmanOperator(robot, podman)
    to_podman.other = DockerEngine(socket)
    return to_podman.call(service())


@pytest.mark.parametrize("way", WAYS)
def test_the_usual_place_is_left_alone_where_an_owner_has_moved_the_storage(
    robot: Robot, podman: FakePodman, fake: FakeEngine, way: str
) -> None:
    podman_is_ours(robot, podman)
    write(robot.root / "etc/containers/storage.conf", MOVED)
    write(robot.root / "data/containers/overlay/x", "")
    podman.store = "/data/containers"
    THEIRS["container"][0](robot.root)  # from before, where Podman looks no more
    first = leave_podman(way, robot, podman, fake)
    assert [need["kind"] for need in first["needs"]] == ["purge"], first
    podman_is_gone(robot)
    done = leave_podman(way, robot, podman, fake)
    assert (done.get("failed"), done.get("needs")) == (None, None), done
    assert "leave /data/containers, a folder that somebody chose for its store" in done["plan"]
    assert (robot.root / USUAL / "overlay-containers/containers.json").exists()
    assert (robot.root / "data/containers/overlay/x").exists()
    assert leave_podman(way, robot, podman, fake)["plan"] == []


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("what", THEIRS)
def test_what_nobody_was_asked_for_is_looked_for_before_a_storage_goes(
    robot: Robot, podman: FakePodman, fake: FakeEngine, what: str, way: str
) -> None:
    """Podman was removed by hand, and there is nobody who could tell of it."""
    podman_is_ours(robot, podman)
    podman_is_gone(robot)
    given, name = THEIRS[what]
    given(robot.root)
    done = leave_podman(way, robot, podman, fake)
    assert done.get("failed") is None, done
    assert f"leave /{USUAL}: it holds {name}, which are not ours" in done["plan"]
    assert (robot.root / USUAL / "overlay/x").exists()


@pytest.mark.parametrize("way", WAYS)
def test_a_storage_that_holds_what_is_ours_alone_goes(
    robot: Robot, podman: FakePodman, fake: FakeEngine, way: str
) -> None:
    podman_is_ours(robot, podman)
    podman_is_gone(robot)
    names = ["localhost/sensor_service:1", "docker.io/library/it:latest"]
    listed(USUAL, "images", names)(robot.root)
    listed(USUAL, "containers", ["robot-stack-sensor_service"])(robot.root)
    (robot.root / USUAL / f"volumes/{'7' * 64}/_data").mkdir(parents=True)
    done = leave_podman(way, robot, podman, fake)
    assert done.get("failed") is None, done
    assert f"remove the engine's own store, /{USUAL}" in done["plan"]
    assert not (robot.root / USUAL).exists()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("what", OF_DOCKER)
def test_dockers_usual_place_is_looked_into_where_docker_had_another(
    robot: Robot, podman: FakePodman, fake: FakeEngine, what: str, way: str
) -> None:
    """As with --data-root in an owner's drop-in, which nobody reads: an engine that is gone cannot say."""
    docker_is_ours(robot, fake)
    (robot.root / DOCKERS / "image").unlink()
    Operator(robot, fake).call(service())
    write(robot.root / DOCKERS / "buildkit/x", "")
    given, name = OF_DOCKER[what]
    given(robot.root)
    first = leave_docker(way, robot, podman, fake.socket)
    assert [need["kind"] for need in first["needs"]] == ["purge"], first
    docker_is_gone(robot, fake)
    done = leave_docker(way, robot, podman, fake.socket)
    assert done.get("failed") is None, done
    assert f"leave /{DOCKERS}: it holds {name}, which are not ours" in done["plan"]
    assert (robot.root / DOCKERS / "buildkit/x").exists()


@pytest.mark.parametrize("way", WAYS)
def test_a_store_that_an_owner_has_put_elsewhere_by_a_link_is_one_that_somebody_chose(
    robot: Robot, podman: FakePodman, fake: FakeEngine, way: str
) -> None:
    podman_is_ours(robot, podman)
    podman_is_gone(robot)
    shutil.move(robot.root / USUAL, robot.root / "disk")
    (robot.root / USUAL).symlink_to(robot.root / "disk")
    done = leave_podman(way, robot, podman, fake)
    assert done.get("failed") is None, done
    assert "leave /disk, a folder that somebody chose for its store" in done["plan"]
    assert (robot.root / "disk/overlay/x").exists()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("what", ["secret", "artifact"])
def test_what_no_question_to_podman_tells_of_keeps_it(
    robot: Robot, podman: FakePodman, fake: FakeEngine, what: str, way: str
) -> None:
    podman_is_ours(robot, podman)
    given, name = THEIRS[what]
    given(robot.root)
    told = leave_podman(way, robot, podman, fake)
    assert "needs" not in told, told
    assert f"({name})" in (told["msg"] if way == "removal" else "".join(told["plan"]))
    assert (robot.root / USUAL / "overlay/x").exists()


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({}, ""),
        ({"usr/share/containers/storage.conf": MOVED}, "/data/containers"),
        ({"usr/share/containers/storage.conf": MOVED, "etc/containers/storage.conf": "[storage]\n"}, ""),
        ({"etc/containers/storage.conf": "[storage]\n#graphroot='/a'\n[other]\ngraphroot='/b'\n"}, ""),
        ({"etc/containers/storage.conf": "storage.graphroot = '/a'\n[other]\ngraphroot = '/b'\n"}, "/a"),
        (
            {"etc/containers/storage.conf": MOVED, "etc/containers/storage.conf.d/1.conf": "[storage]\n"},
            "/data/containers",
        ),
        (
            {
                "etc/containers/storage.conf.d/2.conf": "[storage]\ngraphroot = '/2'\n",
                "usr/share/containers/storage.conf.d/2.conf": "[storage]\ngraphroot = '/shadowed'\n",
                "usr/share/containers/storage.conf.d/1.conf": "[storage]\ngraphroot = '/1'\n",
            },
            "/2",
        ),
        ({"etc/containers/storage.conf": '[ storage ]\n  graphroot="/a b\\u0021"\n'}, "/a b!"),
    ],
)
def test_where_a_storage_is_said_to_be(robot: Robot, files: dict[str, str], found: str) -> None:
    for path, content in files.items():
        write(robot.root / path, content)
    assert settings.graph_root(Roots(robot.root)) == found
