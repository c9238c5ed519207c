"""Data that is somewhere else: what would leave it behind, and begin with an empty database, is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.base.files import FoundFile
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.plan import elsewhere, plan, remove
from robot_stack.fake_engine import FakeEngine
from robot_stack.operating import NAME, ROOT, Operator
from robot_stack.robots import Robot, parameters, service
from robot_stack.test_plan import declared, done

DATABASE: dict[str, Any] = {"data": [{"name": "data", "target": "/data"}]}
NEW: dict[str, Any] = {"budget": {**parameters()["budget"], "root": "/data/robot-stack"}}
OWNED = "/var/lib/robot-stack/sensor_service/data"


def deployed(**change: Any) -> Any:
    """A robot whose stack is at its old root, seen by a run that declares a new one."""
    before = declared(service(**DATABASE))
    seen = done(before, data_owners={OWNED: list(before.services[0].uid_gid)}, **change)
    return declared(service(**DATABASE), **NEW), seen


def test_another_root_is_refused_with_both_paths_and_how_to_move() -> None:
    stack, seen = deployed()
    (reason,) = plan.make(stack, seen).refusals
    assert "robot_stack_root is /data/robot-stack" in reason
    assert "with its data is below /var/lib/robot-stack" in reason
    assert "write robot_stack_root: /var/lib/robot-stack" in reason.lower()
    assert "mv /var/lib/robot-stack /data/robot-stack" in reason


@pytest.mark.parametrize("what", ["containers", "found_files"])
def test_containers_or_the_watchdog_alone_tell_where_it_was(what: str) -> None:
    stack, seen = deployed(**{what: {}})
    assert len(elsewhere.reasons(stack, seen)) == 1


def test_a_removal_at_another_root_is_refused_as_well() -> None:
    _, seen = deployed()
    absent = declared(service(**DATABASE), **NEW, state="absent", remove_data=True)
    (reason,) = remove.make(absent, seen).refusals
    assert "is below /var/lib/robot-stack" in reason


def test_a_stack_that_is_where_it_is_declared_has_no_reason() -> None:
    stack = declared(service(**DATABASE))
    owner = list(stack.services[0].uid_gid)
    assert plan.make(stack, done(stack, data_owners={OWNED: owner})).refusals == []


def test_data_that_is_gone_from_below_its_container_may_be_on_a_disk_that_is_not_mounted() -> None:
    stack = declared(service(**DATABASE))
    (reason,) = plan.make(stack, done(stack, data_owners={OWNED: None})).refusals
    assert f"was in {OWNED}, and is not there" in reason
    assert "Mount its disk" in reason
    assert "docker rm --force robot-stack-sensor_service" in reason
    assert plan.make(stack, done(stack, data_owners={OWNED: None}, containers={})).refusals == []


def test_another_engine_would_give_one_folder_to_two_databases() -> None:
    before = declared(service(**DATABASE))
    after = declared(service(**DATABASE), engine={**parameters()["engine"], "socket": "/run/other.sock"})
    seen = done(before, data_owners={OWNED: list(before.services[0].uid_gid)})
    (reason,) = plan.make(after, seen).refusals
    assert "container_engine_socket is /run/other.sock" in reason
    assert "on the engine at /var/run/docker.sock" in reason


@pytest.mark.parametrize("content", ["", "{", "[]", json.dumps({"socket": 5}), None])
def test_settings_that_tell_nothing_are_no_reason(content: str | None) -> None:
    stack = declared(service(**DATABASE))
    seen = done(stack, data_owners={OWNED: list(stack.services[0].uid_gid)})
    path = "/var/lib/robot-stack/watchdog/stack.json"
    files = {**seen.found_files, path: FoundFile(content, 0o644, 0, 0)}
    assert elsewhere.reasons(stack, type(seen)(**{**seen.__dict__, "found_files": files})) == []


@pytest.mark.usefixtures("any_owner")
def test_the_old_database_runs_on_where_the_new_root_is_refused(
    operator: Operator, robot: Robot, fake: FakeEngine
) -> None:
    operator.call(service(**DATABASE))
    told = operator.call(service(**DATABASE), **NEW)
    assert told["failed"]
    assert len(told["refusals"]) == 1
    assert fake.changes == []
    assert not (robot.root / "data/robot-stack/sensor_service").exists()
    assert fake.containers[NAME]["State"]["Running"]
    assert (robot.root / ROOT / "sensor_service/data").is_dir()
