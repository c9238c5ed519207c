"""An engine of ours is not made to begin with another store while ours run: they would run on, and nobody find them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.base.roots import Roots
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.docker import found, storage
from robot_stack.fake_engine import FakeEngine
from robot_stack.operating import NAME, Operator
from robot_stack.robots import Robot, parameters, service
from robot_stack.test_engine_packages import deployed, installed

pytestmark = pytest.mark.usefixtures("any_owner")
USUAL = "/var/lib/docker"


def having(**daemon: Any) -> dict[str, Any]:
    return {"engine": {**parameters()["engine"], "daemon": {"live-restore": True, **daemon}}}


@pytest.mark.parametrize("state", ["present", "planned", "verified"])
def test_a_store_elsewhere_is_refused_while_ours_run(robot: Robot, fake: FakeEngine, state: str) -> None:
    operator = deployed(robot, fake, "docker.io")
    told = operator.call(service(), state=state, **having(**{"data-root": "/data/docker"}))
    (reason,) = told["refusals"]
    assert (
        f"with data-root /data/docker its container engine would begin with another store, and not find {NAME}"
        in reason
    )
    assert "-e remove_engine=true with the settings as they were" in reason
    assert (told["plan"], operator.systemctl) == ([], [])


def test_it_is_taken_once_nothing_of_ours_is_in_the_store_before(robot: Robot, fake: FakeEngine) -> None:
    operator = deployed(robot, fake, "docker.io")
    gone = {"state": "absent", "remove_engine": True, **having()}
    operator.call(service(), sent=False, **gone)
    installed(robot)
    operator.fake = None
    operator.call(service(), sent=False, **gone)
    told = operator.call(service(), sent=False, **having(**{"data-root": "/data/docker"}))
    assert told["refusals"] == []
    assert [need["kind"] for need in told["needs"]] == ["packages", "image"]


def test_an_engine_of_others_is_not_configured_and_not_refused(robot: Robot, fake: FakeEngine) -> None:
    installed(robot, "docker.io")
    operator = Operator(robot, fake)
    operator.call(service())
    assert operator.call(service(), **having(**{"data-root": "/data/docker"}))["refusals"] == []


@pytest.mark.parametrize(
    ("now", "declared", "said"),
    [
        ({}, {}, []),
        ({}, {"data-root": USUAL}, []),
        ({"DockerRootDir": "/data/docker"}, {"data-root": "/data/docker/"}, []),
        ({"DockerRootDir": "/data/docker"}, {}, [f"data-root {USUAL}"]),
        ({"DockerRootDir": "/linked"}, {"data-root": "/data/docker"}, []),
        ({"Driver": "overlay2"}, {"storage-driver": "overlay2"}, []),
        ({"Driver": "overlay2"}, {"storage-driver": "vfs"}, ["storage-driver vfs"]),
        ({"Driver": "overlay2"}, {}, []),
        ({"Driver": "overlay2"}, {"features": {"containerd-snapshotter": True}}, ["containerd-snapshotter true"]),
        ({"Driver": "overlay2"}, {"features": {"containerd-snapshotter": False}}, []),
        ({"DriverStatus": [["driver-type", found.CONTAINERD_STORE]]}, {"storage-driver": "overlay2"}, []),
        ({}, {"userns-remap": "default"}, ["userns-remap default"]),
        (
            {"DockerRootDir": f"{USUAL}/165536.165536", "SecurityOptions": ["name=userns"]},
            {"userns-remap": "default"},
            [],
        ),
        ({"DockerRootDir": f"{USUAL}/165536.165536", "SecurityOptions": ["name=userns"]}, {}, ["userns-remap unset"]),
    ],
)
def test_what_has_it_begin_anew(tmp_path: Path, now: dict[str, Any], declared: dict[str, Any], said: list[str]) -> None:
    (tmp_path / "data/docker").mkdir(parents=True)
    (tmp_path / "linked").symlink_to("data/docker")
    info = found.info({"ServerVersion": "26.1", **now}, {"ApiVersion": "1.45"})
    assert storage.another(declared, info, USUAL, Roots(tmp_path)) == said
