"""An engine of ours that somebody else needs stays: what people keep without root, their services, their packages."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.base.roots import Roots
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.docker import setup
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.docker.api import DockerEngine
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.docker.driver import DOCKER
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.podman.driver import PODMAN_DRIVER
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.plan import found_users
from robot_stack.fake_engine import FakeEngine
from robot_stack.fake_podman import FakePodman, PodmanOperator
from robot_stack.operating import Operator
from robot_stack.robots import Robot, service, write
from robot_stack.test_engine_change import docker_is_ours, podman_is_ours

pytestmark = pytest.mark.usefixtures("any_owner")
HOME = "home/alice"
STORAGE, STORE = f"{HOME}/.local/share/containers/storage", f"{HOME}/.local/share/docker"
Given = Callable[[Path], object]


def listed(where: str, what: str, names: list[str]) -> Given:
    content = json.dumps([{"id": "7" * 64, "names": names}])
    return lambda root: write(root / where / f"overlay-{what}/{what}.json", content)


def account(root: Path, home: str = "/home/alice") -> None:
    write(root / "etc/passwd", f"root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::{home}:/bin/sh\nnobody:x:9:9::/:/x\n")


def elsewhere(root: Path) -> None:
    """A storage that alice has moved to another disk."""
    write(root / f"{HOME}/.config/containers/storage.conf", '[storage]\ndriver="vfs"\ngraphroot = "$HOME/big"  # x\n')
    listed(f"{HOME}/big", "containers", ["shell"])(root)


def elsewhere_for_all(root: Path) -> None:
    conf = "[storage]\nrootless_storage_path = '/data/${UID}/$USER'\n[storage.options]\ngraphroot = 'x'\n"
    write(root / "etc/containers/storage.conf", conf)
    listed("data/1000/alice", "containers", ["shell"])(root)


def unit(path: str, line: str) -> Given:
    return lambda root: write(root / path, f"[Service]\nType=simple\n{line}\n")


def package(name: str, needs: str) -> Given:
    def given(root: Path) -> None:
        status = root / "var/lib/dpkg/status"
        written = f"\n\nPackage: {name}\nStatus: install ok installed\nDepends: libc6, {needs}\n"
        status.write_text(status.read_text() + written)

    return given


OF_PODMAN: dict[str, tuple[Given, str]] = {
    "container": (listed(STORAGE, "containers", ["shell"]), f"/{STORAGE}"),
    "image": (listed(STORAGE, "images", ["docker.io/library/alpine:3"]), f"/{STORAGE}"),
    "volume": (lambda root: write(root / STORAGE / "volumes/notes/_data/a", ""), f"/{STORAGE}"),
    "secret": (lambda root: write(root / STORAGE / "secrets/secrets.json", '{"secrets": {"a": {}}}'), f"/{STORAGE}"),
    "damaged": (lambda root: write(root / STORAGE / "vfs-containers/containers.json", "[{"), f"/{STORAGE}"),
    "elsewhere": (elsewhere, f"/{HOME}/big"),
    "elsewhere for all": (elsewhere_for_all, "/data/1000/alice"),
    "units": (
        lambda root: write(root / f"{HOME}/.config/containers/systemd/web.container", ""),
        f"/{HOME}/.config/containers/systemd",
    ),
    "units until the next boot": (
        lambda root: write(root / "run/user/1000/containers/systemd/web.kube", ""),
        "/run/user/1000/containers/systemd",
    ),
    "service": (
        unit("etc/systemd/system/theirs.service", "ExecStart=/usr/bin/podman run --rm alpine"),
        "/etc/systemd/system/theirs.service",
    ),
    "service of hers": (
        unit(f"{HOME}/.config/systemd/user/web.service", "ExecStartPre=/bin/sh -c 'cd x; \\\n podman-compose up'"),
        f"/{HOME}/.config/systemd/user/web.service",
    ),
    "package": (package("podman-compose", "python3 (>= 3) | x, podman:any (>= 4)"), "package podman-compose"),
    "package for another's runtime": (package("buildah", "crun | runc"), "package buildah"),
}
OF_DOCKER: dict[str, tuple[Given, str]] = {
    "container": (lambda root: (root / STORE / f"containers/{'7' * 64}").mkdir(parents=True), f"/{STORE}"),
    "volume": (lambda root: write(root / STORE / "volumes/notes/_data/a", ""), f"/{STORE}"),
    "image": (
        lambda root: write(
            root / STORE / "image/overlay2/repositories.json", '{"Repositories": {"alpine": {"alpine:3": "sha256:1"}}}'
        ),
        f"/{STORE}",
    ),
    "service": (
        unit("usr/local/lib/systemd/system/theirs.service", "ExecStart=docker compose up"),
        "/usr/local/lib/systemd/system/theirs.service",
    ),
    "package": (package("lava", "docker.io"), "package lava"),
}


def empty(root: Path) -> None:
    """What a single `podman info` leaves behind."""
    write(root / STORAGE / "overlay-containers/containers.json", "[]")
    write(root / STORAGE / "overlay-images/images.json", '[{"id": "7"}]')
    (root / STORAGE / "volumes").mkdir()
    (root / f"{HOME}/.config/containers/systemd").mkdir(parents=True)


NOBODYS: dict[str, Given] = {
    "empty lists": empty,
    "an engine that never ran": lambda root: write(root / STORE / "volumes/metadata.db", ""),
    "another program": unit("etc/systemd/system/x.service", "ExecStart=/usr/bin/dockerd-tool\n# docker run\nA=podman"),
    "ours": lambda root: write(
        root / "etc/systemd/system/robot-stack-x.service", "# Written by robot_stack; x\nExecStart=podman docker\n"
    ),
    "another would do": lambda root: (package("runc", "libc6")(root), package("buildah", "crun | runc")(root)),
    "what came along": lambda root: (package("podman", "netavark")(root), package("netavark", "podman")(root)),
}


@pytest.mark.parametrize("robot", [2], indirect=True)
@pytest.mark.parametrize("use", OF_PODMAN)
def test_podman_of_ours_that_others_need_stays(robot: Robot, podman: FakePodman, fake: FakeEngine, use: str) -> None:
    given, told = OF_PODMAN[use]
    podman_is_ours(robot, podman)
    account(robot.root)
    given(robot.root)
    refused = PodmanOperator(robot, podman).call(service(), state="absent", remove_engine=True)
    assert f"remove_engine: others need the engine as well ({told}): have them need it no more first" in refused["msg"]
    write(robot.root / setup.BINARIES[0][1:], "")
    operator = Operator(robot, fake)
    operator.other = podman.engine()
    done = operator.call(service())
    assert (done.get("failed"), done.get("needs")) == (None, None), done
    assert f"leave Podman, which stays for what is not this project's ({told})" in done["plan"]
    assert (robot.root / "var/lib/containers/storage/overlay/x").exists()
    assert podman.units == {}


@pytest.mark.parametrize("robot", [2], indirect=True)
@pytest.mark.parametrize("use", OF_DOCKER)
def test_docker_of_ours_that_others_need_stays(robot: Robot, podman: FakePodman, fake: FakeEngine, use: str) -> None:
    given, told = OF_DOCKER[use]
    docker_is_ours(robot, fake)
    Operator(robot, fake).call(service())
    account(robot.root)
    given(robot.root)
    refused = Operator(robot, fake).call(service(), state="absent", remove_engine=True)
    assert f"others need the engine as well ({told})" in refused["msg"]
    operator = PodmanOperator(robot, podman)
    operator.other = DockerEngine(fake.socket)
    done = operator.call(service())
    assert (done.get("failed"), done.get("needs")) == (None, None), done
    assert (robot.root / "var/lib/docker").is_dir()


@pytest.mark.parametrize("what", NOBODYS)
def test_what_is_nobodys_need_keeps_no_engine(tmp_path: Path, what: str) -> None:
    write(tmp_path / "var/lib/dpkg/status", "Package: base\nStatus: install ok installed\n")
    account(tmp_path)
    NOBODYS[what](tmp_path)
    roots = Roots(tmp_path, tmp_path / "proc", tmp_path / "sys")
    assert found_users.find(PODMAN_DRIVER, ["podman", "crun"], "/none", roots) == []
    assert found_users.find(DOCKER, ["docker.io"], "/none", roots) == []


def test_somebody_who_is_listed_elsewhere_has_a_folder_in_home(tmp_path: Path) -> None:
    """As an account of a directory server: /etc/passwd does not know it."""
    listed(STORAGE, "containers", ["shell"])(tmp_path)
    assert PODMAN_DRIVER.used_by_people(Roots(tmp_path, tmp_path, tmp_path)) == [f"/{STORAGE}"]


def test_a_pipe_in_a_home_is_not_waited_for_and_a_link_not_followed(tmp_path: Path) -> None:
    """They are told of as something that cannot be read, which nobody takes for nothing."""
    lists = tmp_path / STORAGE / "overlay-containers"
    lists.mkdir(parents=True)
    os.mkfifo(lists / "containers.json")
    roots = Roots(tmp_path, tmp_path, tmp_path)
    assert PODMAN_DRIVER.used_by_people(roots) == [f"/{STORAGE}"]
    (lists / "containers.json").unlink()
    write(tmp_path / "secret", "[]")
    (lists / "containers.json").symlink_to(tmp_path / "secret")
    assert PODMAN_DRIVER.used_by_people(roots) == [f"/{STORAGE}"]
