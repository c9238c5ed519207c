"""What is named in robot_stack_services is found as Ansible finds roles; what is none is told, with what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate import gate
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.catalogue import joined
from ansible_collections.robotfleet.stack.plugins.plugin_utils.services import roles, specs
from ansible_collections.robotfleet.stack.plugins.plugin_utils.services.elsewhere import roles_elsewhere
from declarations import catalogue
from own_services import LIMIT, SERVICES, action, declared, faults, refused, variables_of, write_role


@pytest.mark.parametrize(
    ("missing", "told"),
    [
        ("meta/argument_specs.yml", "brings no meta/argument_specs.yml"),
        ("vars/main.yml", "has no lidar_driver_spec in vars/main.yml"),
    ],
)
def test_a_role_that_lacks_a_file_is_told_with_what_to_write(playbooks: Path, missing: str, told: str) -> None:
    (playbooks / "roles" / "lidar_driver" / missing).unlink()
    found = refused(playbooks, lidar_driver_memory_limit_mib=24)
    assert found.variable == SERVICES
    assert told in found.why
    assert str(playbooks / "roles" / "lidar_driver") in found.why
    assert "docs/adding-a-service.md" in found.remedy


@pytest.mark.parametrize("text", ["[1]", "argument_specs: 5", "argument_specs: {main: {}}", "a: {"])
def test_a_file_that_cannot_be_read_is_told(playbooks: Path, text: str) -> None:
    path = playbooks / "roles" / "lidar_driver" / "meta" / "argument_specs.yml"
    path.write_text(text)
    assert str(path) in refused(playbooks).why


def test_a_role_that_is_not_there_is_told_with_where_it_was_looked_for(playbooks: Path) -> None:
    found = refused(playbooks, robot_stack_services=["victoriametrics", "camera_driver"], camera_driver_rate=5)
    assert "there is no service 'camera_driver'" in found.why
    assert str(playbooks / "roles") in found.why
    assert "put the role's folder into roles_path" in found.remedy


@pytest.mark.parametrize(
    ("entry", "why"),
    [("acme.fleet.lidar_driver", "acme.fleet is not installed"), ("acme.lidar_driver", "there is no service")],
)
def test_a_collection_that_is_not_there_is_told(playbooks: Path, entry: str, why: str) -> None:
    assert why in refused(playbooks, robot_stack_services=["victoriametrics", entry]).why


def test_a_role_of_a_collection_is_a_service_by_its_own_name(
    playbooks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_role(tmp_path / "collection" / "roles" / "camera_driver", name="camera_driver")
    monkeypatch.setattr(roles, "of_collection", lambda name: [tmp_path / "collection"] if name == "acme.fleet" else [])
    written = {"robot_stack_services": ["victoriametrics", "acme.fleet.camera_driver"]}
    assert declared(playbooks, **written).robot(catalogue()).services == ("victoriametrics", "camera_driver")
    found = refused(playbooks, **written, camera_driver_memory_limit_mib=200)
    assert "camera_driver_memory_limit_mib 200 = 392 MiB" in found.why


@pytest.mark.parametrize("ours", ["victoriametrics", "telemetry_hub_vmauth", "rollout"])
def test_a_role_of_a_collection_is_not_taken_for_one_of_ours(
    playbooks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ours: str
) -> None:
    write_role(tmp_path / "collection" / "roles" / ours)
    monkeypatch.setattr(roles, "of_collection", lambda _name: [tmp_path / "collection"])
    found = refused(playbooks, robot_stack_services=["sensor_service", "victoriametrics", f"acme.fleet.{ours}"])
    assert "which is ours" in found.why


def test_two_roles_of_one_name_are_told(playbooks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_role(tmp_path / "collection" / "roles" / "lidar_driver")
    monkeypatch.setattr(roles, "of_collection", lambda _name: [tmp_path / "collection"])
    found = faults(playbooks, robot_stack_services=["victoriametrics", "lidar_driver", "acme.fleet.lidar_driver"])
    assert "would be named as that of" in found[0].why


def test_a_role_that_sets_what_is_ours_is_told(playbooks: Path) -> None:
    write_role(playbooks / "roles" / "lidar_driver", {"robot_stack_root": {"type": "str", "default": "/"}})
    assert "sets robot_stack_root, which is ours" in refused(playbooks).why


@pytest.mark.parametrize("name", ["watchdog", "Lidar", "lidar-driver"])
def test_a_name_that_no_service_can_have_is_told(playbooks: Path, name: str) -> None:
    write_role(playbooks / "roles" / name)
    found = refused(playbooks, robot_stack_services=["victoriametrics", name])
    assert "lower-case letters, digits and underscores" in found.remedy


def test_a_service_named_twice_is_told(playbooks: Path) -> None:
    found = refused(playbooks, robot_stack_services=["victoriametrics", "lidar_driver", "lidar_driver"])
    assert "listed twice" in found.why


def test_our_own_may_be_named_with_their_collection(playbooks: Path) -> None:
    named = ["robotfleet.stack.sensor_service", "robotfleet.stack.victoriametrics"]
    assert faults(playbooks, robot_stack_services=named) == []
    assert declared(playbooks, robot_stack_services=named).robot(catalogue()).services == (
        "sensor_service",
        "victoriametrics",
    )


def test_the_inventory_wins_over_defaults_and_loses_to_vars_as_with_an_imported_role(playbooks: Path) -> None:
    found = declared(playbooks, lidar_driver_port=99, lidar_driver_spec={"name": "another"})
    assert found.part("lidar_driver", "environment") == ({"PORT": 99}, "")
    assert found.part("lidar_driver")[0]["name"] == "lidar_driver"


def test_what_is_said_on_the_command_line_wins_over_vars() -> None:
    role = specs.Role("a", Path(), {"x": 1, "y": 1, "z": 1}, {"z": 3, "w": 3}, {})
    assert specs.environment({"y": 2, "z": 2}, [role], {"w": 4}) == {"x": 1, "y": 2, "z": 3, "w": 4}


def test_without_somebody_elses_roles_the_robots_variables_are_not_copied() -> None:
    variables = {"a": 1}
    assert specs.environment(variables, [], {}) is variables


def test_a_changed_role_is_read_again(playbooks: Path) -> None:
    assert faults(playbooks) == []
    path = playbooks / "roles" / "lidar_driver" / "defaults" / "main.yml"
    path.write_text(path.read_text().replace(f"{LIMIT}: 24", f"{LIMIT}: 240"))
    assert f"{LIMIT} 240" in refused(playbooks).why


def test_a_limit_of_another_robots_service_has_an_owner(playbooks: Path) -> None:
    variables = variables_of(playbooks, robot_stack_services=["victoriametrics"], lidar_driver_memory_limit_mib=24)
    there = declared(playbooks, "scout", **variables)
    loader = action(variables)._loader
    for services, expected in ((["lidar_driver"], ["lidar_driver"]), ([], []), (["gone"], [])):
        inventory = {"groups": {"all": ["scout", "cart"]}, "hostvars": {"cart": {SERVICES: services}}}
        found = roles_elsewhere(catalogue(), [there], {**variables, **inventory}, loader)
        assert [role.name for role in found] == expected
    known = joined(catalogue(), roles_elsewhere(catalogue(), [there], {**variables, **_cart()}, loader))
    assert gate.check(there.robot(known), known) == []
    (fault,) = gate.check(there.robot(catalogue()), catalogue())
    assert fault.remedy == f"name its service in {SERVICES}, or correct the name or delete the line"


def _cart() -> dict[str, Any]:
    return {"groups": {"all": ["cart"]}, "hostvars": {"cart": {SERVICES: ["lidar_driver"]}}}


UNLIKE = ["..x", "../x", "a..x", "a.b.c.x", "a-b.c.x", "a.b\n.x", "x.", "x/y", "\0", "a" * 300]


@pytest.mark.parametrize("entry", UNLIKE)
def test_a_name_that_no_role_can_have_is_told_without_looking_for_it(
    playbooks: Path, entry: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roles, "find", lambda name, where: pytest.fail(f"looked for {name}"))
    found = refused(playbooks, robot_stack_services=["victoriametrics", entry])
    assert found.variable == SERVICES
    assert found.remedy
