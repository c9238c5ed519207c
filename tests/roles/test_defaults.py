"""Every role's defaults, argument specification, table of variables and schema say the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate import gate
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.values import KINDS, object_to
from declarations import PROJECT, catalogue, defaults, fleet
from jsonschema import Draft7Validator

from tools import budget_schema, role_docs

ROLES = sorted(path.parents[1] for path in PROJECT.glob("roles/*/meta/argument_specs.yml"))
INVENTORIES = sorted(path.parent for path in PROJECT.glob("inventory/*/hosts.yml"))
BUDGETS = sorted(PROJECT.glob("inventory/**/memory_budget.yml"))
every_role = pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def test_every_role_describes_its_variables() -> None:
    assert [role.name for role in ROLES] == sorted(path.name for path in PROJECT.glob("roles/*") if path.is_dir())


@every_role
def test_defaults_are_those_of_the_specification(role: Path) -> None:
    described = {name: option["default"] for name, option in role_docs.options(role).items()}
    assert read(role / "defaults" / "main.yml") == described


@pytest.mark.parametrize("podman", [False, True], ids=["docker", "podman"])
@every_role
def test_defaults_have_the_described_type(role: Path, podman: bool) -> None:
    for name, option in role_docs.options(role).items():
        value = defaults(podman)[name]
        assert isinstance(value, KINDS[option["type"]]), name
        assert option["type"] == "bool" or not isinstance(value, bool), name


def test_what_follows_the_engine_is_what_the_pages_say() -> None:
    """Whoever adds a variable that follows the engine tells it there."""
    docker, podman = defaults(), defaults(podman=True)
    follows = {name: (value, podman[name]) for name, value in docker.items() if podman[name] != value}
    assert follows == {
        "container_engine_memory_allowance_mib": (128, 48),
        "robot_stack_memory_budget_mib": (300, 150),
    }
    page = (PROJECT / "docs" / "podman.md").read_text(encoding="utf-8")
    rows = {name: f"| `{name}` | {one} | {other} |" for name, (one, other) in follows.items()}
    assert [name for name, row in rows.items() if row not in page] == []


@every_role
def test_variables_bear_the_roles_prefix(role: Path) -> None:
    internal = role / "vars" / "main.yml"
    own = {*role_docs.options(role), *(read(internal) if internal.exists() else ())}
    assert {name for name in own if name != role.name and catalogue().owner(name) != role.name} == set()


@every_role
def test_memory_is_a_whole_number_and_says_mib(role: Path) -> None:
    for name, option in role_docs.options(role).items():
        if "memory" in name or "disk" in name:
            assert name.endswith("_mib") == (option["type"] == "int"), name


@every_role
def test_the_table_of_variables_is_current(role: Path) -> None:
    text = (role / "README.md").read_text(encoding="utf-8")
    assert role_docs.renewed(text, role_docs.table(role_docs.options(role))) == text, "run tools/role_docs.py"


def test_a_readme_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="a README needs the lines"):
        role_docs.renewed("# Role\n", "")


def test_the_defaults_pass_the_gates_own_rules() -> None:
    for known in (defaults(), defaults(podman=True)):
        assert [name for name, option in catalogue().options.items() if object_to(option, known[name])] == []


def test_the_schema_is_current() -> None:
    made = budget_schema.schema(PROJECT / "roles")
    assert json.loads(budget_schema.SCHEMA.read_text(encoding="utf-8")) == made, "run tools/budget_schema.py"


def test_editors_are_offered_no_expression_for_a_number() -> None:
    rules = budget_schema.schema(PROJECT / "roles")["properties"]
    assert rules["victoriametrics_memory_limit_mib"]["default"] == 64
    assert "default" not in rules["robot_stack_memory_budget_mib"]


@pytest.mark.parametrize("path", BUDGETS, ids=lambda path: str(path.relative_to(PROJECT / "inventory")))
def test_budget_files_name_the_schema_and_satisfy_it(path: Path) -> None:
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert (path.parent / first.partition("$schema=")[2]).resolve() == budget_schema.SCHEMA
    validator = Draft7Validator(budget_schema.schema(PROJECT / "roles"))
    assert [error.message for error in validator.iter_errors(read(path))] == []


@pytest.mark.parametrize("wrong", [{"sensor_service_memory_limit_mib": "32M"}, {"sensor_service_memory_limit_mb": 32}])
def test_the_schema_refuses_what_the_gate_refuses(wrong: dict[str, Any]) -> None:
    assert not Draft7Validator(budget_schema.schema(PROJECT / "roles")).is_valid(wrong)


@pytest.mark.parametrize("inventory", INVENTORIES, ids=lambda path: path.name)
def test_inventories_pass_the_gate_without_a_vault_password(inventory: Path) -> None:
    robots = fleet(inventory)
    assert robots
    assert [found for robot in robots for found in gate.check(robot, catalogue())] == []


@pytest.mark.parametrize("inventory", INVENTORIES, ids=lambda path: path.name)
def test_an_inventorys_hosts_file_holds_names_and_groups_only(inventory: Path) -> None:
    def variables(group: dict[str, Any]) -> list[Any]:
        of_hosts = [value for value in (group.get("hosts") or {}).values() if value]
        nested = [variables(child) for child in (group.get("children") or {}).values()]
        return [*of_hosts, *group.get("vars", []), *(found for part in nested for found in part)]

    assert [found for group in read(inventory / "hosts.yml").values() for found in variables(group)] == []
