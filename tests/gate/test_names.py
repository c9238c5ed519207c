"""A name that nobody reads is refused, and the right one is suggested."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate import gate, unknown_variables
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.declaration import Fault
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.report import report
from declarations import catalogue, robot


def refused(**written: Any) -> Fault:
    (found,) = gate.check(robot(**written), catalogue())
    return found


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [
        ("victoriametrics_memory_limit_mb", "victoriametrics_memory_limit_mib"),
        ("victoria_metrics_memory_limit_mib", "victoriametrics_memory_limit_mib"),
        ("sensor_service_memory_limit", "sensor_service_memory_limit_mib"),
        ("sensors_service_memory_limit_mib", "sensor_service_memory_limit_mib"),
        ("robot_stack_memory_buget_mib", "robot_stack_memory_budget_mib"),
    ],
)
def test_a_misspelt_variable_is_refused_with_the_name_that_was_meant(misspelt: str, meant: str) -> None:
    found = refused(**{misspelt: 50})
    assert (found.variable, found.value, found.remedy) == (misspelt, "50", f"did you mean {meant}?")


def test_a_limit_of_no_service_is_refused() -> None:
    assert refused(lidar_driver_memory_limit_mib=64).variable == "lidar_driver_memory_limit_mib"


def test_other_peoples_variables_are_theirs() -> None:
    assert gate.check(robot(ansible_host="192.0.2.1", lidar_port=4711, site="hall 3"), catalogue()) == []


def test_a_renamed_variable_is_refused_with_its_new_name() -> None:
    written = robot(sensor_service_limit=32)
    (found,) = unknown_variables.check(
        written, catalogue(), {"sensor_service_limit": "sensor_service_memory_limit_mib"}
    )
    assert found.remedy == "write sensor_service_memory_limit_mib instead"


def test_a_misspelt_password_is_not_shown() -> None:
    found = refused(victoriametrics_http_pasword="hunter2")
    assert "hunter2" not in report([found], 1)


def test_an_unknown_service_is_refused_with_the_one_that_was_meant() -> None:
    found = refused(robot_stack_services=["sensor_service", "victoria_metrics"])
    assert found.variable == "robot_stack_services"
    assert found.remedy == "did you mean victoriametrics?"


def test_a_service_listed_twice_is_refused() -> None:
    assert "listed twice" in refused(robot_stack_services=["sensor_service", "sensor_service"]).why


def test_one_message_tells_everything_and_groups_robots_that_are_alike() -> None:
    faults = [
        found
        for name in ("scout-1", "scout-2")
        for found in gate.check(robot(name, victoriametrics_memory_limit_mib="50M"), catalogue())
    ]
    faults += gate.check(robot("cart", sensor_service_memory_limit_mib=-1), catalogue())
    text = report(faults, 5)
    assert text.splitlines()[0] == (
        "The inventory declares what cannot work: 2 faults on 3 of 5 robots. No robot was contacted."
    )
    assert 'scout-1, scout-2\n  victoriametrics_memory_limit_mib: "50M"' in text
    assert "cart\n  sensor_service_memory_limit_mib: -1" in text
    assert text.count("do:  ") == 2


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("cart 1", "several names"),
        ("cart,1", "several names"),
        ("!cart", "a pattern"),
        ("~cart", "a pattern"),
        ("cart*", "a pattern"),
        ("127.0.0.1", "the controller itself"),
        ("::1", "the controller itself"),
    ],
)
def test_a_robot_that_a_play_could_not_name_is_refused(name: str, why: str) -> None:
    """Seen: a fleet of robots with a blank in each name was a run that did nothing, and succeeded."""
    (found,) = gate.check(robot(name), catalogue())
    assert (found.variable, found.value) == ("inventory_hostname", f'"{name}"')
    assert why in found.why
    assert ("call it localhost" in found.remedy) is ("itself" in why)


@pytest.mark.parametrize("name", ["cart-01", "cart_01.hall3", "localhost", "192.0.2.7", "fd00::7", "räuber", "7"])
def test_other_names_are_taken(name: str) -> None:
    assert gate.check(robot(name), catalogue()) == []
