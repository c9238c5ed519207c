"""Engines of somebody else's in other modes: the stack works with them, or they are refused by name in preflight."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.docker import container, found, setup
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.docker.driver import Docker
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.plan import actions, observe, plan
from robot_stack.fake_engine import FakeEngine
from robot_stack.operating import NAME, Operator
from robot_stack.robots import Robot, service
from robot_stack.test_plan import declared, done, info

VERSION = {"ApiVersion": "1.41"}


def told(**raw: Any) -> Any:
    return found.info({"ServerVersion": "20.10", **raw}, VERSION)


@pytest.mark.usefixtures("any_owner")
def test_an_engine_that_remaps_users_runs_ours_outside_of_it(
    operator: Operator, fake: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it says to a container on the robot's network otherwise: cannot share the host's network namespace."""
    answer = fake.answer

    def remapping(method: str, target: str, body: bytes) -> Any:
        status, content = answer(method, target, body)
        if target.endswith("/info"):
            content = {**content, "SecurityOptions": ["name=seccomp,profile=default", "name=userns"]}
        refused = "/containers/create" in target and b'"UsernsMode": "host"' not in body
        return (400, {"message": "cannot share the host's network namespace"}) if refused else (status, content)

    monkeypatch.setattr(fake, "answer", remapping)
    first = operator.call(service())
    assert (first.get("failed"), first["verdict"]) == (None, "ok"), first
    assert fake.containers[NAME]["HostConfig"]["UsernsMode"] == "host"
    assert not operator.call(service())["changed"]


def test_an_engine_that_is_made_to_remap_users_recreates_what_ran_before() -> None:
    stack = declared()
    remapping = dataclasses.replace(info(), remaps_users=True)
    seen = done(stack, engine=observe.FoundEngine(installed=True, running=True, info=remapping))
    (step,) = plan.make(stack, seen).steps
    assert isinstance(step.action, actions.MakeContainer)


def test_other_engines_get_the_same_request_as_ever() -> None:
    stack = declared()
    one = stack.services[0]
    assert "UsernsMode" not in container.body(stack, one, "systemd", "f")["HostConfig"]
    assert container.body(stack, one, "systemd", "f") == container.body(stack, one, "systemd", "f", remapped=False)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"SecurityOptions": ["name=seccomp,profile=builtin", "name=rootless"]}, "name its socket in"),
        ({"DefaultRuntime": "runsc"}, "default runtime is runsc, in which no limit can be read back: set"),
        ({"DefaultRuntime": "kata-runtime"}, "default runtime is kata-runtime"),
        ({"DefaultRuntime": "io.containerd.kata.v2"}, "default runtime is io.containerd.kata.v2"),
    ],
)
def test_a_mode_in_which_no_limit_holds_is_refused_by_name(raw: dict[str, Any], words: str) -> None:
    stack = declared()
    seen = done(stack, engine=observe.FoundEngine(installed=True, running=True, info=told(**raw)))
    (reason,) = plan.make(stack, seen).refusals
    assert words in reason


@pytest.mark.parametrize("runtime", ["runc", "crun", "nvidia", "io.containerd.runc.v2", ""])
def test_runtimes_that_make_ordinary_containers_are_taken(runtime: str) -> None:
    assert told(DefaultRuntime=runtime).sandbox == ""


@pytest.mark.parametrize("odd", [None, "name=userns", [None, 5], {}, ["name=apparmor", "userns"]])
def test_odd_options_say_nothing(odd: Any) -> None:
    assert not told(SecurityOptions=odd).remaps_users


@pytest.mark.parametrize("asked", ["present", "planned", "verified"])
def test_a_snap_that_runs_is_refused_before_anything_is_asked_for(
    operator: Operator, fake: FakeEngine, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    """It answers at the usual socket, and mounts an empty folder where one of the stack's was asked for."""
    answer = fake.answer

    def snap(method: str, target: str, body: bytes) -> Any:
        status, content = answer(method, target, body)
        root = {"DockerRootDir": "/var/snap/docker/common/var-lib-docker"}
        return status, ({**content, **root} if target.endswith("/info") else content)

    monkeypatch.setattr(fake, "answer", snap)
    told = operator.call(service(), state=asked, sent=False)
    (reason,) = told["refusals"]
    assert "its Docker is a snap" in reason
    assert "snap remove docker" in reason
    assert (told["failed"], told["changed"], told["plan"]) == (True, False, [])
    assert "needs" not in told, "an image would be sent that no container can use"


@pytest.mark.parametrize("command", setup.SNAP_COMMANDS)
def test_a_snap_that_does_not_run_is_no_robot_without_an_engine(robot: Robot, command: str) -> None:
    """Another engine beside it would want the same socket."""
    link = robot.root / command[1:]
    link.parent.mkdir(parents=True)
    link.symlink_to("/usr/bin/snap")
    told = Operator(robot, None).call(service(), state="planned", sent=False)
    assert [reason for reason in told["refusals"] if "its Docker is a snap" in reason] == told["refusals"]


def test_a_snap_beside_an_ordinary_engine_that_runs_is_nobodys_business(operator: Operator, robot: Robot) -> None:
    link = robot.root / "snap/bin/docker"
    link.parent.mkdir(parents=True)
    link.symlink_to("/usr/bin/snap")
    assert operator.call(service(), state="planned", sent=False)["refusals"] == []


@pytest.mark.parametrize("store", ["/var/lib/docker", "/srv/var/snap/docker", "/var/snapshots/docker", ""])
def test_stores_elsewhere_are_no_snaps(robot: Robot, store: str) -> None:
    assert Docker().unusable(robot.roots, told(DockerRootDir=store)) == ""
