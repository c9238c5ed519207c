"""`--tags SERVICE` touches no other service, whether a robot has it or not."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.plugin_utils.services import arguments

ROLES = {f"{name}_memory_limit_mib": 1 for name in ("sensor_service", "victoriametrics", "vmagent")}


def scope(*tags: str, asked: tuple[str, ...] = ()) -> Any:
    variables = {**ROLES, "ansible_run_tags": list(tags), "robot_stack_memory_budget_mib": 300}
    names = ["sensor_service", "victoriametrics"]
    return arguments.scope(list(asked), names, variables)


@pytest.mark.parametrize("tags", [("all",), ("robot_stack",), ("container_engine",), ("memory_cgroup", "always")])
def test_tags_that_name_no_service_leave_everything_in_scope(tags: tuple[str, ...]) -> None:
    assert scope(*tags) == []


def test_a_service_is_the_scope() -> None:
    assert scope("victoriametrics") == ["victoriametrics"]


def test_a_service_that_this_robot_does_not_have_is_the_scope_all_the_same() -> None:
    assert scope("vmagent") == ["vmagent"]


def test_a_role_that_is_run_on_its_own_has_said_its_scope() -> None:
    assert scope("victoriametrics", asked=("sensor_service",)) == ["sensor_service"]
