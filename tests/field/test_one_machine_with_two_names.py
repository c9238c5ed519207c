"""One machine with two names is refused, with both: by the inventory, and by the machine itself (row A12)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.base.roots import Roots
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.host import facts
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.machines import Reached, apart
from field.playing import Fleet
from robot_stack.fake_engine import FakeEngine
from robot_stack.operating import Operator
from robot_stack.robots import Robot, service, write

PULL = (
    "robot_stack_image_delivery: pull\nrobot_stack_image_digests: {robot-stack/sensor-service:0.1.0: 'sha256:%s', "
    % ("a" * 64)
    + "victoriametrics/victoria-metrics:v1.148.8: 'sha256:%s'}\n" % ("b" * 64)
)


def reached(name: str, **more: str) -> Reached:
    return Reached(name, **more)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"address": "192.0.2.1"}, {"address": "192.0.2.1", "port": "22"}),
        ({"address": "Scout.Local."}, {"address": "scout.local"}),
        ({"address": "2001:db8::1"}, {"address": "[2001:0db8:0:0::1]"}),
        ({"address": "localhost", "port": "2201"}, {"address": "127.0.0.1", "port": "2201"}),
        ({"connection": "local"}, {"connection": "local"}),
        ({"address": "192.0.2.1", "connection": "smart"}, {"address": "192.0.2.1", "connection": "paramiko_ssh"}),
        ({}, {"address": "scout"}),
    ],
)
def test_two_names_that_lead_to_one_machine_are_told_together(one: dict[str, str], other: dict[str, str]) -> None:
    (found,) = apart([reached("scout", **one), reached("cart", **other)])
    assert found.robot == "cart"
    assert found.why.startswith("scout has ")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"address": "192.0.2.1"}, {"address": "192.0.2.2"}),
        ({"address": "127.0.0.1", "port": "2201"}, {"address": "127.0.0.1", "port": "2202"}),
        ({"address": "10.0.0.2", "way": "-J gate-a"}, {"address": "10.0.0.2", "way": "-J gate-b"}),
        ({"connection": "local"}, {"address": "127.0.0.1"}),
        ({}, {}),
    ],
)
def test_machines_behind_ports_and_jump_hosts_are_two(one: dict[str, str], other: dict[str, str]) -> None:
    assert apart([reached("scout", **one), reached("cart", **other)]) == []


def test_the_gate_refuses_two_robots_with_one_address(tmp_path: Path) -> None:
    cart = "cart: {ansible_host: '{{ shared }}', shared: 192.0.2.1}"
    hosts = f"robots: {{hosts: {{scout: {{ansible_host: 192.0.2.1}}, {cart}}}}}\n"
    said = Fleet(tmp_path, {"hosts.yml": hosts, "group_vars/robots.yml": PULL}).refusal()
    assert " ansible_host: 192.0.2.1:22 " in said
    assert "why: scout has this address and port, too" in said


def test_the_gate_refuses_a_robot_that_is_a_hub_by_another_name(tmp_path: Path) -> None:
    children = "robots: {hosts: {scout: {ansible_host: hub.local}}}, telemetry_hub: {hosts: {hub.local: }}"
    hosts = f"all: {{children: {{{children}}}}}\n"
    said = Fleet(tmp_path, {"hosts.yml": hosts, "group_vars/robots.yml": PULL}).refusal()
    assert "why: hub.local has this address and port, too" in said


def tree(root: Path, machine: str, hardware: str = "", boot: str = "one", uuid: str = "") -> Roots:
    write(root / "etc/machine-id", f"{machine}\n")
    write(root / "proc/sys/kernel/random/boot_id", f"{boot}\n")
    if hardware:
        write(root / "proc/device-tree/serial-number", f"{hardware}\0")
    if uuid:
        write(root / "sys/class/dmi/id/product_uuid", f"{uuid}\n")
    return Roots(root, root / "proc", root / "sys")


def test_a_copied_disk_in_another_machine_is_another_machine(tmp_path: Path) -> None:
    same = facts.identity(tree(tmp_path / "1", "a" * 32, hardware="100", boot="one"))
    assert same == facts.identity(tree(tmp_path / "2", "a" * 32, hardware="100", boot="two"))
    assert same != facts.identity(tree(tmp_path / "3", "a" * 32, hardware="101"))
    assert same != facts.identity(tree(tmp_path / "4", "b" * 32, hardware="100"))
    without = [facts.identity(tree(tmp_path / boot, "a" * 32, boot=boot)) for boot in ("5", "6")]
    assert without[0] != without[1]
    assert facts.identity(tree(tmp_path / "7", "uninitialized")) == ""
    assert facts.identity(Roots(tmp_path / "8", tmp_path / "8/proc", tmp_path / "8/sys")) == ""


@pytest.fixture
def operator(tmp_path: Path, any_owner: None) -> Any:
    robot = Robot(tmp_path / "robot", 1)
    tree(robot.root, "a" * 32, hardware="100")
    with FakeEngine(robot) as engine:
        yield Operator(robot, engine)


@pytest.mark.parametrize("state", ["present", "planned", "verified", "absent"])
def test_a_machine_that_is_deployed_under_one_name_refuses_another(operator: Operator, state: str) -> None:
    operator.call(service(), robot="scout")
    before = operator.call(service(), robot="scout", state="verified")
    refused = operator.call(service(), robot="cart", state=state)
    (reason,) = refused["refusals"]
    assert reason.startswith("this machine is deployed as scout, and the inventory calls it cart: ")
    assert operator.fake
    assert operator.fake.changes == []
    assert operator.call(service(), robot="scout", state="verified")["plan"] == before["plan"]


def test_a_robot_that_was_renamed_is_taken_with_its_former_name(operator: Operator) -> None:
    operator.call(service(), robot="scout")
    assert operator.call(service(), robot="cart", former_name="scout").get("refusals") == []
    assert operator.call(service(), robot="cart").get("refusals") == []
    assert operator.call(service(), robot="scout")["refusals"]


def test_a_copy_of_a_deployed_robots_disk_is_deployed_under_its_own_name(operator: Operator) -> None:
    operator.call(service(), robot="scout")
    write(operator.robot.root / "proc/device-tree/serial-number", "101\0")
    assert operator.call(service(), robot="cart").get("refusals") == []


def test_a_robot_of_before_is_deployed_as_whoever_comes_first(operator: Operator) -> None:
    operator.call(service())
    assert operator.call(service(), robot="scout").get("refusals") == []
    assert operator.call(service(), robot="cart")["refusals"]
