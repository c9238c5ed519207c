"""Somebody else's role is a service by being named: the gate counts it, checks it, and refuses what cannot be one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import how_to
import pytest
import yaml
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate import gate
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.catalogue import joined
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.declaration import Fault
from ansible_collections.robotfleet.stack.plugins.plugin_utils.services import roles, specs
from ansible_collections.robotfleet.stack.plugins.plugin_utils.services.elsewhere import roles_elsewhere
from ansible_collections.robotfleet.stack.plugins.plugin_utils.services.needed_images import NeededImages
from declarations import PROJECT, catalogue
from own_services import OPTIONS, action, declared, faults, variables_of, write_role

LIMIT = "lidar_driver_memory_limit_mib"
SERVICES = "robot_stack_services"


@pytest.fixture
def playbooks(tmp_path: Path) -> Path:
    """A folder of playbooks with role lidar_driver beside them."""
    write_role(tmp_path / "roles" / "lidar_driver")
    return tmp_path


def refused(playbooks: Path, **written: Any) -> Fault:
    (found,) = faults(playbooks, **written)
    return found


def test_a_named_role_is_a_service(playbooks: Path) -> None:
    assert faults(playbooks) == []
    assert declared(playbooks).robot(catalogue()).services == ("sensor_service", "victoriametrics", "lidar_driver")


def test_its_limit_counts_in_the_sum(playbooks: Path) -> None:
    found = refused(playbooks, lidar_driver_memory_limit_mib=77)
    assert found.variable == "robot_stack_memory_budget_mib"
    assert f"victoriametrics_memory_limit_mib 64 + {LIMIT} 77 = 301 MiB" in found.why


def test_switched_off_it_counts_for_nothing(playbooks: Path) -> None:
    assert faults(playbooks, lidar_driver_memory_limit_mib=77, lidar_driver_enabled=False) == []


@pytest.mark.parametrize("misspelt", ["lidar_driver_memory_limt_mib", "lidar_driver_memory_limit_mb"])
def test_a_misspelt_variable_of_its_is_refused_with_the_one_that_was_meant(playbooks: Path, misspelt: str) -> None:
    found = refused(playbooks, **{misspelt: 30})
    assert (found.variable, found.remedy) == (misspelt, f"did you mean {LIMIT}?")


@pytest.mark.parametrize(
    ("variable", "value", "why"),
    [
        (LIMIT, "24M", "it is a text in quotes, not a whole number"),
        (LIMIT, 0, "it is zero"),
        (LIMIT, None, "it is empty"),
        ("lidar_driver_mode", "finer", "it is none of the choices"),
        ("lidar_driver_port", "2368", "it is a text in quotes, not a whole number"),
    ],
)
def test_its_values_are_checked_by_its_argument_specs(playbooks: Path, variable: str, value: Any, why: str) -> None:
    found = refused(playbooks, **{variable: value})
    assert (found.variable, found.why) == (variable, why)


def test_numbers_of_its_own_may_be_zero_or_below(playbooks: Path) -> None:
    assert faults(playbooks, lidar_driver_port=0, lidar_driver_topics=-1) == []


def test_a_secret_of_its_is_not_shown(playbooks: Path) -> None:
    assert refused(playbooks, lidar_driver_password=4711).value == "(secret)"


def test_its_floor_refuses_a_smaller_limit_in_the_words_of_ours(playbooks: Path) -> None:
    found = refused(playbooks, lidar_driver_memory_limit_mib=11, lidar_driver_topics=40)
    assert found.why == "below the 12 MiB in which the service was measured to serve with 40 topics"
    assert found.remedy == "raise it to at least 12, or read fewer topics"


def test_a_role_without_a_limit_is_a_fault_and_no_reason_to_leave_the_sum_alone(playbooks: Path) -> None:
    write_role(playbooks / "roles" / "lidar_driver", {LIMIT: {"type": "int"}})
    found = refused(playbooks)
    assert (found.variable, found.value) == (LIMIT, "(nothing)")
    assert faults(playbooks, lidar_driver_memory_limit_mib=24) == []


@pytest.mark.parametrize("described", [None, {"type": "str", "default": "24"}])
def test_a_limit_that_cannot_be_counted_is_a_fault(playbooks: Path, described: Any) -> None:
    write_role(playbooks / "roles" / "lidar_driver", {LIMIT: described})
    written = {} if described else {LIMIT: 24}
    assert "could not be counted" in refused(playbooks, **written).why


def test_a_value_that_the_role_requires_and_nobody_writes_is_a_fault(playbooks: Path) -> None:
    write_role(playbooks / "roles" / "lidar_driver", {"lidar_driver_port": {"type": "int", "required": True}})
    assert "role lidar_driver needs it" in next(found.why for found in faults(playbooks))
    assert faults(playbooks, lidar_driver_port=1) == []


@pytest.mark.parametrize(
    ("part", "why"),
    [
        ({"name": "lidar"}, 'it is named "lidar", and the role lidar_driver'),
        ({"memory_limit_mib": 500}, f"memory_limit_mib is 500, and {LIMIT}, which is counted, is 24"),
        ({"enabled": False}, "enabled is false, and lidar_driver_enabled is true"),
        ({"image": {"reference": "acme/lidar-driver"}}, 'the image "acme/lidar-driver" is named without a version'),
        ({"memory_floor": {"mib": "some"}}, "its memory_floor has no whole number mib"),
        ({"memory_floor": 12}, "its memory_floor has no whole number mib"),
        ({"enviroment": {}}, "enviroment"),
        ({"cpu_limit": "half"}, "cpu_limit"),
        ({"environment": "{{ no_such_variable }}"}, "no_such_variable"),
    ],
)
def test_a_spec_that_no_robot_could_take_is_told_before_any_is_asked(
    playbooks: Path, part: dict[str, Any], why: str
) -> None:
    write_role(playbooks / "roles" / "lidar_driver", **part)
    found = refused(playbooks)
    assert found.variable == "lidar_driver_spec"
    assert why in found.why


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
    assert "put the role into one of these folders" in found.remedy


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
    assert found.part("lidar_driver", "environment") == ({"PORT": "99"}, "") or found.part(
        "lidar_driver", "environment"
    ) == ({"PORT": 99}, "")
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


def images(playbooks: Path) -> tuple[NeededImages, list[Fault]]:
    declaration, needed = declared(playbooks), NeededImages()
    known = joined(catalogue(), declaration.foreign)
    return needed, needed.add(declaration.robot(known), declaration.role_folders)


def test_an_image_by_its_reference_is_pulled_as_ours_are(playbooks: Path) -> None:
    needed, found = images(playbooks)
    assert found == []
    assert needed.wanted[""]["acme/lidar-driver:1"] == ["amd64"]
    assert list(needed.recipes) == ["robot-stack/sensor-service:0.1.0"]


def test_an_image_with_a_context_is_built_from_its_roles_files(playbooks: Path) -> None:
    role = playbooks / "roles" / "lidar_driver"
    image = {"reference": "acme/lidar-driver:1", "context": "lidar_driver/image", "bases": {"BASE": "alpine:3.23"}}
    write_role(role, image=image)
    (found,) = images(playbooks)[1]
    assert (found.variable, "no role or collection has lidar_driver/image" in found.why) == ("lidar_driver_spec", True)
    (role / "files" / "image").mkdir(parents=True)
    (role / "files" / "image" / "Dockerfile").write_text("ARG BASE\nFROM $BASE\n")
    needed, faults_ = images(playbooks)
    assert faults_ == []
    recipe = needed.recipes["acme/lidar-driver:1"]
    assert (recipe.context, recipe.bases) == (role / "files" / "image", {"BASE": "alpine:3.23"})


def test_one_name_is_not_built_from_two_folders(playbooks: Path) -> None:
    image = {"reference": "robot-stack/sensor-service:0.1.0", "context": "lidar_driver/image"}
    role = write_role(playbooks / "roles" / "lidar_driver", image=image)
    (role / "files" / "image").mkdir(parents=True)
    (role / "files" / "image" / "Dockerfile").write_text("FROM scratch\n")
    assert "for another service" in images(playbooks)[1][0].why


def test_the_test_roles_options_are_all_described() -> None:
    assert all("type" in raw for raw in OPTIONS.values())


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """A folder of playbooks with the roles of docs/adding-a-service.md beside them."""
    how_to.write_roles(tmp_path / "roles")
    return tmp_path


def of_page(page: Path, **written: Any) -> list[Fault]:
    shown = yaml.safe_load(how_to.files()["inventory/group_vars/robots.yml"])
    return faults(page, **{**shown, **written})


def test_what_the_how_to_shows_passes_the_gate(page: Path) -> None:
    assert of_page(page) == []
    shown = how_to.files()["inventory/group_vars/robots.yml"]
    scenario = PROJECT / "molecule" / "own_service" / "inventory" / "group_vars" / "robots.yml"
    assert scenario.read_text(encoding="utf-8").endswith(shown)


def test_the_how_tos_defaults_are_what_its_argument_specs_say(page: Path) -> None:
    role = page / "roles" / "my_service"
    defaults = yaml.safe_load((role / "defaults" / "main.yml").read_text())
    options = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
    assert {name: raw["default"] for name, raw in options.items()} == defaults


def test_the_how_tos_refusals_are_what_it_says(page: Path) -> None:
    (found,) = of_page(page, my_service_memory_limit_mib=13)
    assert found.why in how_to.PAGE.read_text(encoding="utf-8")
    (found,) = of_page(page, my_service_memory_limt_mib=13)
    assert "my_service_memory_limit_mib" in found.remedy
