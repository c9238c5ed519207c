"""A password that was changed does not come back with an old version, and lies nowhere on the robot any more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records import credentials, good_versions
from robot_stack.fake_engine import FakeEngine
from robot_stack.operating import ROOT, Operator
from robot_stack.robots import MIB, Robot, service

pytestmark = pytest.mark.usefixtures("any_owner")
SENSOR, AGENT = "robot-stack-sensor_service", "robot-stack-vmagent"
OLD, NEW = "password-of-yesterday", "password-of-today"
GONE = {"Running": False, "Status": "exited", "Pid": 0}


def agent(password: str, limit: int = 32, authority: str = "", **more: Any) -> dict[str, Any]:
    files = [
        {"path": "hub_password", "content": password, "sensitive": True},
        {"path": "hub_ca.pem", "content": authority or f"authority of {password}", "credential": True},
        {"path": "scrape.yml", "content": f"limit: {limit}"},
    ]
    return service("vmagent", limit, files=files, **more)


def rollout(operator: Operator, *services: dict[str, Any], **more: Any) -> dict[str, Any]:
    told = operator.call(*services, **more)
    return operator.call(*services, state="proven", sent=False, **{**more, "fresh": told["fresh"]})


def holding(robot: Robot, words: str) -> list[str]:
    """Return the stack's files on the robot that have ``words`` in them."""
    root = robot.root / ROOT
    return [str(path.relative_to(root)) for path in root.rglob("*") if path.is_file() and words in path.read_text()]


def in_use(robot: Robot, fake: FakeEngine, file: str) -> str:
    """Return what the agent's container has of ``file``."""
    (source,) = [mount["Source"] for mount in fake.containers[AGENT]["HostConfig"]["Mounts"]]
    return (robot.root / str(source).lstrip("/") / file).read_text()


def limit(fake: FakeEngine) -> int:
    return int(fake.containers[AGENT]["HostConfig"]["Memory"]) // MIB


def test_a_changed_password_lies_nowhere_once_the_change_has_passed(operator: Operator, robot: Robot) -> None:
    rollout(operator, agent(OLD, 30))
    rollout(operator, agent(OLD, 32))
    assert holding(robot, OLD), "where it is kept is looked at"
    rollout(operator, agent(NEW, 32))
    assert holding(robot, OLD) == []


@pytest.mark.parametrize("together", [False, True])
def test_a_rollback_by_hand_keeps_the_new_password(
    operator: Operator, robot: Robot, fake: FakeEngine, together: bool
) -> None:
    rollout(operator, agent(OLD, 30))
    if not together:
        rollout(operator, agent(OLD, 32))
    rollout(operator, agent(NEW, 32))
    done = operator.call(agent(NEW, 32), state="restored", sent=False)
    assert done.get("failed") is None
    assert (limit(fake), in_use(robot, fake, "scrape.yml")) == (30, "limit: 30"), "the version is the old one"
    assert in_use(robot, fake, "hub_password") == NEW
    assert in_use(robot, fake, "hub_ca.pem") == f"authority of {NEW}"
    assert holding(robot, OLD) == []
    assert operator.call(agent(NEW, 30), state="planned")["plan"] == []


def test_before_its_change_has_passed_a_password_does_not_come_back_either(
    operator: Operator, robot: Robot, fake: FakeEngine
) -> None:
    rollout(operator, agent(OLD, 30))
    operator.call(agent(NEW, 32))
    told = operator.call(agent(NEW, 32), state="restored", sent=False)
    assert told.get("failed") is None
    assert (limit(fake), in_use(robot, fake, "hub_password")) == (30, NEW)
    assert holding(robot, OLD) == []


@pytest.mark.parametrize("brought", [False, True])
def test_another_password_alone_is_no_version_to_go_back_to(
    operator: Operator, robot: Robot, fake: FakeEngine, brought: bool
) -> None:
    for mib in (30, 32):
        rollout(operator, agent(OLD, mib))
    if brought:
        operator.call(agent(NEW, 32))
    operator.call(agent(NEW, 32), state="restored", sent=False)
    assert (limit(fake), in_use(robot, fake, "hub_password")) == (30, NEW)


def test_a_robot_that_fails_its_gate_keeps_the_new_password(operator: Operator, robot: Robot, fake: FakeEngine) -> None:
    rollout(operator, agent(OLD, 30))
    told = operator.call(agent(NEW, 32))
    fake.containers[AGENT]["State"] = dict(GONE)
    told = operator.call(agent(NEW, 32), state="proven", sent=False, fresh=told["fresh"])
    assert told["failed"]
    assert (limit(fake), in_use(robot, fake, "hub_password")) == (30, NEW)


def test_a_change_of_the_password_alone_costs_no_way_back(operator: Operator, robot: Robot, fake: FakeEngine) -> None:
    for mib in (30, 32):
        rollout(operator, agent(OLD, mib))
    rollout(operator, agent(NEW, 32))
    limits = [one.services["vmagent"]["memory_limit_mib"] for one in good_versions.load(robot.root / ROOT)]
    assert limits == [32, 30]


def test_who_does_not_know_a_password_takes_none_away(operator: Operator, robot: Robot, fake: FakeEngine) -> None:
    for mib in (30, 32):
        rollout(operator, agent(NEW, mib))
    operator.call(agent("", 32, "authority"), state="restored", sent=False)
    assert (limit(fake), in_use(robot, fake, "hub_password")) == (30, NEW)


def test_a_scope_changes_the_passwords_of_its_services_alone(operator: Operator, robot: Robot) -> None:
    rollout(operator, agent(OLD), service())
    rollout(operator, agent(NEW), service(limit=40), scope=["sensor_service"])
    (newest, _) = good_versions.load(robot.root / ROOT)
    assert newest.services["vmagent"]["files"][0]["content"] == OLD, "it is what runs"


def test_a_credential_that_is_new_comes_along_with_one_that_changed() -> None:
    """The list of an entry point's users is one, and names the authority of another host since there is one."""
    other = {"path": "other_ca.pem", "content": "authority", "credential": True}
    now = {**agent(NEW), "files": [*agent(NEW)["files"], other]}
    assert credentials.renewed(agent(OLD, 30), now)["files"][-1] == other
    assert credentials.renewed(agent(NEW, 30), now) == agent(NEW, 30), "nothing names it"


def led(backend: str, limit: int, password: str = OLD) -> dict[str, Any]:
    """An entry point whose list of users says where each of them is led."""
    files = [{"path": "auth.yml", "content": f"{password} {backend}", "sensitive": True}, {"path": "p", "content": "x"}]
    shares = {
        "file": "auth.yml", "backend": backend, "count_url": backend, "usage_url": backend, "username": "hub",
        "restarts": "sensor_service", "password_file": "p", "each": 1,
    }  # fmt: skip
    return service("vmagent", limit, files=files, shares=shares)


def test_an_entry_point_that_led_elsewhere_is_no_way_back(operator: Operator, fake: FakeEngine) -> None:
    """It would have that version's settings, and today's list of users, which leads to what that version has not."""
    one, cluster = "http://127.0.0.1:8428/", "http://127.0.0.1:8480/"
    rollout(operator, led(one, 30), service())
    rollout(operator, led(cluster, 32), service())
    told = operator.call(led(cluster, 32), service(), state="restored", sent=False)
    assert told["failed"]
    assert f"vmagent led to {one} then and leads to {cluster} as it is declared now" in told["msg"]
    assert limit(fake) == 32


def test_one_that_fails_so_is_left_as_it_is_and_says_so(operator: Operator, fake: FakeEngine) -> None:
    one, cluster = "http://127.0.0.1:8428/", "http://127.0.0.1:8480/"
    rollout(operator, led(one, 30), service())
    told = operator.call(led(cluster, 32), service())
    fake.containers[AGENT]["State"] = dict(GONE)
    told = operator.call(led(cluster, 32), service(), state="proven", sent=False, fresh=told["fresh"])
    assert told["failed"]
    assert "change the inventory back, and deploy it" in told["msg"]
    assert limit(fake) == 32


@pytest.mark.parametrize("was", [{}, {"files": None}, {"files": [{"path": "other", "sensitive": True}]}])
@pytest.mark.parametrize("now", [{}, {"files": []}, agent(NEW)])
def test_what_has_none_is_left_alone(was: dict[str, Any], now: dict[str, Any]) -> None:
    assert credentials.renewed(was, now) is was


def test_the_files_of_a_service_that_left_go_and_its_data_stays(
    operator: Operator, robot: Robot, fake: FakeEngine
) -> None:
    sending = agent(OLD, data=[{"name": "buffer", "target": "/buffer"}])
    operator.call(sending, service())
    folder: Path = robot.root / ROOT / "vmagent"
    assert list((folder / "config").rglob("hub_password"))
    told = operator.call(service())
    assert "remove the files of vmagent (its data stays)" in told["plan"]
    assert AGENT not in fake.containers
    assert ((folder / "buffer").is_dir(), (folder / "config").exists(), holding(robot, OLD)) == (True, False, [])
    assert operator.call(service())["plan"] == []
