"""Somebody else's role is a service by being named: the gate counts it, and checks its values by its own files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import how_to
import pytest
import yaml
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.catalogue import joined
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.declaration import Fault
from ansible_collections.robotfleet.stack.plugins.plugin_utils.services.needed_images import NeededImages
from declarations import PROJECT, catalogue
from own_services import LIMIT, declared, faults, refused, write_role


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
        ("lidar_driver_port", "2368p", "it is a text in quotes, not a whole number"),
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


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """A folder of playbooks with the roles of docs/adding-a-service.md beside them."""
    how_to.write_roles(tmp_path / "roles")
    return tmp_path


def of_page(page: Path, **written: Any) -> list[Fault]:
    shown = yaml.safe_load(how_to.files()["inventory/my-fleet/group_vars/robots/my_service.yml"])
    return faults(page, **{**shown, **written})


def test_what_the_how_to_shows_passes_the_gate(page: Path) -> None:
    assert of_page(page) == []
    shown = how_to.files()["inventory/my-fleet/group_vars/robots/my_service.yml"]
    scenario = PROJECT / "molecule" / "own_service" / "inventory" / "group_vars" / "robots.yml"
    assert scenario.read_text(encoding="utf-8").endswith(shown)


def test_the_how_tos_role_is_no_part_of_this_collection() -> None:
    """A role in our own folder of roles would be in our catalogue, in our digest and in the archive that is built."""
    told = re.findall(r"^export ANSIBLE_ROLES_PATH=(.+)$", how_to.PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert told == ["$HOME/my-roles"]
    assert {name.partition("/")[0] for name in how_to.files()} == {"my-roles", "inventory"}


def test_the_how_tos_commands_are_run_as_they_stand_there() -> None:
    """By scenario own_service, on its own robots."""
    assert how_to.commands("shared/inventory", "own inventory").splitlines() == [
        "export ANSIBLE_ROLES_PATH=$HOME/my-roles",
        "ansible-playbook -i shared/inventory -i 'own inventory' playbooks/preflight.yml",
        "ansible-playbook -i shared/inventory -i 'own inventory' playbooks/site.yml",
    ]


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
