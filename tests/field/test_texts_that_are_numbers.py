"""A text that says a number or a truth is one, wherever it is read; what would lose something is refused (row A16)."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import rendering
from ansible.template import trust_as_template
from ansible_collections.robotfleet.stack.plugins.action.robot_stack import ActionModule
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate import lossless, values
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.declaration import Option
from ansible_collections.robotfleet.stack.plugins.plugin_utils.services import plain
from declarations import catalogue
from field.playing import Fleet
from hypothesis import given
from hypothesis import strategies as st
from own_services import declared, faults, refused, write_role

LIMIT = "victoriametrics_memory_limit_mib"
HOSTS = "robots: {hosts: {scout: {ansible_host: 192.0.2.1}}}\n"


@pytest.fixture
def playbooks(tmp_path: Path) -> Path:
    write_role(tmp_path / "roles" / "lidar_driver")
    return tmp_path


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        ("int", "72", 72),
        ("int", "-3", -3),
        ("int", "0", 0),
        ("int", 72.0, 72),
        ("float", "0.5", 0.5),
        ("float", "2", 2),
        ("bool", "true", True),
        ("bool", "False", False),
        ("bool", "yes", True),
        ("bool", "off", False),
        ("bool", "0", False),
    ],
)
def test_what_is_converted_without_a_loss_is_taken(kind: str, text: Any, said: Any) -> None:
    found = lossless.plain(kind, text)
    assert (found, type(found)) == (said, type(said))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        *(("int", text) for text in ("50M", "50.5", "0x14", "1e3", "072", "7_2", " 72", "+72", "7" * 30, "", "٧٢")),
        ("int", 50.5),
        ("int", float("inf")),
        ("int", True),
        *(("float", text) for text in ("nan", "inf", "1,5", "1e20", ".5.", "0x1p3", "--1", "01.5")),
        *(("bool", text) for text in ("maybe", "", "2", "truee", "t rue")),
        ("str", "72"),
        ("list", "a,b"),
    ],
)
def test_what_would_lose_something_stays_what_it_is(kind: str, text: Any) -> None:
    assert lossless.plain(kind, text) is text


@given(value=st.text())
def test_no_remedy_names_another_value_than_was_written(value: str) -> None:
    found = values.object_to(Option(LIMIT, "victoriametrics", "int"), value)
    assert found
    named = re.search(rf"{LIMIT}: ([0-9]+)", found[1])
    assert named is None or named[1] == value.strip().removesuffix("MiB").strip()


@pytest.mark.parametrize("text", ["50M", "50.5", "0x14", "50 GiB"])
def test_what_cannot_be_taken_is_refused_and_nothing_else_is_named(playbooks: Path, text: str) -> None:
    found = refused(playbooks, **{LIMIT: text})
    assert found.remedy == "write a whole number of MiB, without unit and quotes"


@pytest.mark.parametrize(
    "written",
    [
        {LIMIT: "72"},
        {"robot_stack_accept_tight": "true"},
        {"victoriametrics_cpu_limit": "0.5"},
        {"victoriametrics_min_free_disk_mib": "512"},
        {"lidar_driver_memory_limit_mib": "24"},
        {"lidar_driver_enabled": "false"},
        {"victoriametrics_expected_series": "500"},
        {LIMIT: trust_as_template("{{ of_the_command_line }}"), "of_the_command_line": "72"},
    ],
    ids=str,
)
def test_the_gate_takes_it_and_counts_with_it(playbooks: Path, written: dict[str, Any]) -> None:
    assert faults(playbooks, **written) == []


def test_a_limit_as_a_text_counts_in_the_sum_and_a_service_that_is_off_does_not(playbooks: Path) -> None:
    assert "robot_stack_memory_budget_mib" in refused(playbooks, lidar_driver_memory_limit_mib="77").variable
    off = {"lidar_driver_enabled": "false", "lidar_driver_memory_limit_mib": "77"}
    assert faults(playbooks, **off) == []


def test_what_the_roles_reckon_is_the_same_as_with_a_number(playbooks: Path) -> None:
    text, number = (
        declared(playbooks, **{LIMIT: limit, "victoriametrics_min_free_disk_mib": free}).part("victoriametrics")
        for limit, free in (("72", "600"), (72, 600))
    )
    assert text == number
    assert f"-storage.minFreeDiskSpaceBytes={600 << 20}" in text[0]["command"]


def task(**variables: Any) -> ActionModule:
    """The robot's task, whose arguments are worked out from what the inventory has."""
    args = {
        "budget": {"memory_budget_mib": variables.get("robot_stack_memory_budget_mib", 300)},
        "memory_controller": {"enable": True, "reboot_allowed": variables.get("memory_cgroup_reboot_allowed", False)},
        "accept_tight": variables.get("robot_stack_accept_tight", False),
    }
    action = ActionModule.__new__(ActionModule)
    action._task, action._templar = SimpleNamespace(args=args), rendering.templar(**variables)
    return action


@pytest.mark.parametrize("gate", [True, False])
def test_a_robots_task_takes_over_what_the_gate_found_or_finds_it_itself(gate: bool) -> None:
    written = {
        "robot_stack_memory_budget_mib": "310",
        "memory_cgroup_reboot_allowed": "false",
        "robot_stack_accept_tight": "no",
        LIMIT: "72",
    }
    facts = {plain.FACT: {"scout": plain.converted(written, catalogue().options.values(), rendering.templar())}}
    action = task(**written)
    seen = action._as_said({**written, "inventory_hostname": "scout", **({"ansible_facts": facts} if gate else {})})
    assert seen[LIMIT] == 72
    assert action._task.args["budget"]["memory_budget_mib"] == 310
    assert action._task.args["memory_controller"]["reboot_allowed"] is False
    assert action._task.args["accept_tight"] is False


def test_on_the_command_line_and_in_an_ini_inventory_it_is_taken(tmp_path: Path) -> None:
    ini = "[robots]\nscout ansible_host=192.0.2.1\n[robots:vars]\nrobot_stack_accept_tight=true\n"
    fleet = Fleet(tmp_path, {"hosts": ini})
    said = fleet.refusal("-e", f"{LIMIT}=72", "-e", "sensor_service_cpu_limit=lots")
    assert "1 fault on 1 of 1 robot" in said
    assert "sensor_service_cpu_limit" in said
