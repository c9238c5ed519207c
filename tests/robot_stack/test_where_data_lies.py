"""What shall stay is in nothing that goes with an engine, or is forgotten: told by the robot, before it is touched."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.docker.setup import STORE
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.podman.driver import Podman
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.host import mounts
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.plan import found_left, leaving, plan, remove
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records import state
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec import parse
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec.model import SpecError
from robot_stack import hub_backups
from robot_stack.fake_engine import FakeEngine
from robot_stack.operating import Operator
from robot_stack.robots import USER, Robot, parameters, service, write
from robot_stack.test_plan import bare, declared, done

HUB = "http://127.0.0.1:1"


def at(root: str, **more: Any) -> Any:
    return declared(service(), budget={**parameters()["budget"], "root": root}, **more)


def backed_up(destination: str, **more: Any) -> Any:
    return parse.parse(parameters(*hub_backups.declared(HUB, destination), **more))


@pytest.mark.parametrize(
    ("root", "store"),
    [
        ("/var/lib/docker", STORE),
        ("/var/lib/docker/stack", STORE),
        ("/data/docker/stack", "/data/docker"),  # which an owner's daemon.json may say
        ("/data//docker/./stack", "/data/docker/"),
        ("/data/stack", "/data"),
        ("/mnt/ssd", "/mnt/ssd"),
    ],
)
def test_a_root_in_the_store_that_was_found_is_refused_with_a_way_out(root: str, store: str) -> None:
    for seen in (bare(store=store), done(at(root), store=store)):
        made = plan.make(at(root), seen)
        assert made.steps == []
        (reason,) = [one for one in made.refusals if "own store" in one]
        assert reason.startswith(f"robot_stack_root {root} is in {store}, the container engine's own store")
        assert "playbooks/remove.yml with this root (data stays), then mv" in reason


@pytest.mark.parametrize(
    ("root", "store"),
    [
        ("/var/lib/robot-stack", STORE),
        ("/var/lib/docker-stack", STORE),
        ("/data", "/data/docker"),
        ("/data/robot-stack", "/data/robot"),
        ("/data/stack", ""),
    ],
)
def test_a_root_beside_a_store_is_no_reason(root: str, store: str) -> None:
    assert plan.make(at(root), bare(store=store)).refusals == []


@pytest.mark.parametrize("real", ["/var/lib/docker/stack", "/var/lib/docker"])
def test_a_root_that_is_a_link_counts_where_it_leads(real: str) -> None:
    seen = bare(lies={"/data/stack": real})
    (reason,) = plan.make(at("/data/stack"), seen).refusals
    assert f"robot_stack_root /data/stack (which leads to {real}) is in {STORE}" in reason
    elsewhere = bare(store="/data/docker", lies={"/data/docker": "/disk/docker", "/data/docker/x": "/disk2/x"})
    assert plan.make(at("/data/docker/x"), elsewhere).refusals == []


@pytest.mark.parametrize("real", ["/home/pi/stack", "/root/stack", "/run/user/1000/x"])
def test_a_root_that_leads_to_where_the_watchdog_sees_nothing_is_refused(real: str) -> None:
    (reason,) = plan.make(at("/data/stack"), bare(lies={"/data/stack": real})).refusals
    assert f"robot_stack_root /data/stack leads to {real}, which the watchdog does not see" in reason


def test_backups_in_the_store_are_refused() -> None:
    stack = backed_up("fs:///var/lib/docker/b")
    found = [one for one in plan.make(stack, bare()).refusals if "own store" in one]
    assert [one.partition(" is in ")[0] for one in found] == ["telemetry_hub_backup_destination fs:///var/lib/docker/b"]
    assert not [one for one in plan.make(backed_up("fs:///srv/b"), bare()).refusals if "own store" in one]
    assert not [one for one in plan.make(backed_up("s3://bucket/b"), bare()).refusals if "own store" in one]


def former(store: str) -> found_left.Left:
    return found_left.Left(Podman(), store=store, engine_data=True)


def test_the_store_of_an_engine_that_the_robot_leaves_counts_as_well() -> None:
    root, store = "/var/lib/containers/storage/x", "/var/lib/containers/storage"
    (reason,) = plan.make(at(root), bare(left=former(store))).refusals
    assert f"is in {store}, the container engine's own store" in reason


@pytest.mark.parametrize("remove_data", [True, False])
def test_a_removal_with_the_engine_takes_no_data_and_no_backup_along(remove_data: bool) -> None:
    """What the user asked to keep stays; what goes anyway is no reason."""
    inside = at("/var/lib/docker/stack", state="absent", remove_engine=True, remove_data=remove_data)
    made = remove.make(inside, done(inside, engine_data=True))
    assert bool(made.refusals) is not remove_data
    for reason in made.refusals:
        assert "remove_engine: the engine's own store, /var/lib/docker, holds robot_stack_root" in reason
    hub = backed_up("fs:///var/lib/docker/b", state="absent", remove_engine=True, remove_data=remove_data)
    (reason,) = remove.make(hub, done(hub, engine_data=True)).refusals
    assert "holds telemetry_hub_backup_destination" in reason


def test_a_removal_that_leaves_the_store_is_no_reason() -> None:
    """The way out of such a root; and a store that somebody chose stays, as somebody else's engine does."""
    inside = at("/var/lib/docker/stack", state="absent")
    assert remove.make(inside, done(inside, engine_data=True)).refusals == []
    chosen = at("/mnt/ssd/stack", state="absent", remove_engine=True)
    assert remove.make(chosen, done(chosen, engine_data=True, store="/mnt/ssd")).refusals == []
    theirs = at("/var/lib/docker/stack", state="absent", remove_engine=True)
    assert remove.make(theirs, done(theirs, engine_data=True, state=state.State())).refusals == []


def test_a_removal_takes_the_store_of_the_engine_before_with_nothing_in_it() -> None:
    root = "/var/lib/containers/storage/x"
    inside = at(root, state="absent", remove_engine=True)
    seen = done(inside, left=former("/var/lib/containers/storage"))
    seen = replace(seen, state=replace(seen.state, former_kind="podman", former_packages=["podman"]))
    assert [step.subject for step in leaving.removal(inside, seen)].count("/var/lib/containers/storage") == 1
    (reason,) = remove.make(inside, seen).refusals
    assert "the engine's own store, /var/lib/containers/storage, holds robot_stack_root" in reason


@pytest.fixture
def robot(tmp_path: Path) -> Robot:
    return Robot(tmp_path / "robot", 2)


@pytest.fixture
def operator(robot: Robot, any_owner: None) -> Any:
    with FakeEngine(robot) as engine:
        yield Operator(robot, engine)


@pytest.mark.parametrize("state_", ["present", "planned", "verified"])
def test_a_robot_is_looked_at_and_not_touched(operator: Operator, state_: str) -> None:
    root = operator.robot.root
    (root / "var/lib/docker/stack").mkdir(parents=True)
    (root / "data").mkdir()
    (root / "data/stack").symlink_to(root / "var/lib/docker/stack")
    budget = {**parameters()["budget"], "root": "/data/stack"}
    before = sorted(root.rglob("*"))
    result = operator.call(service(), state=state_, sent=False, budget=budget)
    (reason,) = [one for one in result["refusals"] if "own store" in one]
    assert "which leads to /var/lib/docker/stack" in reason
    assert operator.fake
    assert operator.fake.changes == []
    assert [path for path in root.rglob("*") if path not in before and "run" not in path.parts] == []


def test_a_link_is_followed_as_far_as_the_robot_goes(robot: Robot) -> None:
    (robot.root / "disk").mkdir()
    (robot.root / "data").symlink_to(robot.root / "disk")
    assert mounts.real("/data/x/y", robot.roots) == "/disk/x/y"
    assert mounts.real("/var//lib/./z", robot.roots) == "/var/lib/z"


ROOT_MOUNT = "24 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
RAM = "31 24 0:30 / /srv rw shared:3 - tmpfs tmpfs rw\n"


@pytest.mark.parametrize("state_", ["present", "absent"])
def test_backups_in_ram_are_refused_where_they_would_be_made(operator: Operator, state_: str) -> None:
    robot = operator.robot
    folder = robot.root / "srv/backup"
    folder.mkdir(parents=True, mode=0o700)
    os.chown(folder, *(int(number) for number in USER.split(":")))
    write(robot.root / "proc/self/mountinfo", ROOT_MOUNT + RAM)
    declared_ = hub_backups.declared(HUB, "fs:///srv/backup")
    result = operator.call(*declared_, state=state_, sent=False, check=True)
    found = [one for one in result["refusals"] if "backup_destination" in one]
    assert bool(found) is (state_ == "present")
    for reason in found:
        assert reason.startswith("telemetry_hub_backup_destination fs:///srv/backup: /srv keeps what is written in RAM")
    write(robot.root / "proc/self/mountinfo", ROOT_MOUNT)
    assert not operator.call(*declared_, state=state_, sent=False, check=True)["refusals"]


@pytest.mark.parametrize(
    ("root", "destination"),
    [
        ("/var/lib/robot-stack", "fs:///var/lib/./robot-stack/b"),
        ("/data//stack", "fs:///data/stack/b"),
        ("/data/./stack/", "fs:///data"),
        ("/data/stack", "fs:////data/stack"),
    ],
)
def test_a_path_that_is_written_in_another_way_is_the_same(root: str, destination: str) -> None:
    budget = {**parameters()["budget"], "root": root}
    with pytest.raises(SpecError, match="no folder of its own outside of"):
        backed_up(destination, budget=budget)
    assert backed_up("fs:///data/stack2/b", budget=budget)
