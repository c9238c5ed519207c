"""A whole call on a robot that has nothing yet, or that may not be touched; with cgroup v1 and with v2."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.apply import apply
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records import state
from robot_stack.fake_engine import FakeEngine
from robot_stack.operating import ROOT, Operator
from robot_stack.robots import Robot, parameters, service, write

pytestmark = [pytest.mark.usefixtures("any_owner"), pytest.mark.parametrize("robot", [1, 2], indirect=True)]


@pytest.fixture
def bare(robot: Robot) -> Operator:
    return Operator(robot, None)


def test_a_robot_without_an_engine_is_planned_whole(bare: Operator, robot: Robot) -> None:
    before = sorted(robot.root.rglob("*"))
    told = bare.call(service(), check=True, sent=False)
    assert told["changed"]
    assert "install docker.io" in told["plan"]
    assert any("create container robot-stack-sensor_service (32 MiB)" in line for line in told["plan"])
    assert sorted(robot.root.rglob("*")) == before


def test_missing_packages_and_images_are_asked_for_at_once(bare: Operator, robot: Robot) -> None:
    told = bare.call(service(), sent=False)
    assert [need["kind"] for need in told["needs"]] == ["packages", "image"]
    # remembered before they are there: an interrupted run must know whose engine it finds
    assert state.load(robot.root / ROOT).engine_packages == ["docker.io"]


def test_a_first_deployment_that_fails_leaves_nothing_running(operator: Operator, fake: FakeEngine) -> None:
    fake.failing = "nonsense"
    with pytest.raises(apply.ServiceFailedError, match="nothing is left running"):
        operator.call(service(command=["nonsense"]))
    assert fake.containers == {}


LARGE = {"memory_budget_mib": 400, "memory_reserve_mib": 150, "engine_memory_allowance_mib": 128}


@pytest.mark.parametrize(
    ("declared", "more", "words"),
    [
        (service(), {"architecture": "arm64"}, "this robot is amd64"),
        (service(), {"budget": LARGE}, "more than this robot's 500.0 MiB"),
        (service(listens=["127.0.0.1:9101"]), {}, "127.0.0.1:9101 is taken by another program"),
    ],
)
def test_what_cannot_work_is_refused_untouched(
    operator: Operator, robot: Robot, fake: FakeEngine, declared: Any, more: dict[str, Any], words: str
) -> None:
    write(robot.root / "proc/net/tcp", "head\n 0: 0100007F:238D 0:0 0A 0:0 0:0 0 0 0 4711 1\n")
    told = operator.call(declared, **more)
    assert told["failed"]
    assert words in told["msg"]
    assert (told["changed"], fake.changes, operator.systemctl) == (False, [], [])
    assert not (robot.root / "etc").exists()


def test_the_memory_controller_is_switched_on_where_a_reboot_is_allowed(operator: Operator, robot: Robot) -> None:
    if robot.version == 1:
        shutil.rmtree(robot.root / "sys/fs/cgroup/memory")
    else:
        write(robot.root / "sys/fs/cgroup/cgroup.controllers", "cpu pids\n")
    boot_line = write(robot.root / "boot/cmdline.txt", "console=tty1 cgroup_disable=memory\n")
    controller = {**parameters()["memory_controller"], "boot_files": ["/boot/cmdline.txt"]}
    told = operator.call(service(), memory_controller={**controller, "reboot_allowed": False})
    assert "memory_cgroup_reboot_allowed" in told["msg"]
    assert boot_line.read_text() == "console=tty1 cgroup_disable=memory\n"
    told = operator.call(service(), memory_controller={**controller, "reboot_allowed": True})
    assert told["needs"] == [{"kind": "reboot"}]
    assert boot_line.read_text() == "console=tty1 cgroup_enable=memory cgroup_memory=1\n"
