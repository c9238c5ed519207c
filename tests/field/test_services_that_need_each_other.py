"""A service that another one needs is there, or the robot is refused (row A18)."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate import gate
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.declaration import Fault
from declarations import catalogue, robot

PUSH: dict[str, Any] = {
    "robot_stack_telemetry_mode": "push",
    "vmagent_hub_url": "https://hub:8427",
    "vmagent_hub_password": "x",
}
BOTH = {**PUSH, "robot_stack_telemetry_mode": "both"}
ALONE = {"robot_stack_services": ["sensor_service"]}
LIDAR = {"lidar": ["127.0.0.1:9200"]}


def faults(**written: Any) -> list[Fault]:
    return gate.check(robot(**written), catalogue())


@pytest.mark.parametrize(
    ("written", "variable"),
    [
        ({"sensor_service_enabled": False}, "victoriametrics_scrape_targets"),
        ({**PUSH, "sensor_service_enabled": False}, "vmagent_scrape_targets"),
        ({**BOTH, "sensor_service_enabled": False}, "vmagent_scrape_targets"),
        ({"victoriametrics_enabled": False}, "victoriametrics_enabled"),
        ({"sensor_service_collectors": ["memory"]}, "sensor_service_filesystems"),
    ],
    ids=str,
)
def test_what_would_read_nobody_or_be_read_by_nobody_is_refused(written: dict[str, Any], variable: str) -> None:
    (found,) = faults(**written)
    assert found.variable == variable


@pytest.mark.parametrize(
    "written",
    [{"sensor_service_collectors": ["memory"]}, {"sensor_service_textfile_directory": "/var/lib/prometheus"}],
    ids=str,
)
def test_a_remedy_says_what_else_it_costs(written: dict[str, Any]) -> None:
    """What the watchdog writes has the verdicts in it, and not only the space of file systems."""
    (found,) = faults(**written)
    assert "or, to do without this robot's verdicts in metrics as well, write sensor_" in found.remedy


@pytest.mark.parametrize(
    "written",
    [
        {"sensor_service_enabled": False, "victoriametrics_scrape_targets": {}},
        {"sensor_service_enabled": False, "victoriametrics_scrape_targets": LIDAR},
        {"sensor_service_enabled": False, "victoriametrics_scrape_targets": {"sensor_service": ["127.0.0.1:9999"]}},
        {**PUSH, "sensor_service_enabled": False, "vmagent_scrape_targets": {}},
        {**ALONE, "victoriametrics_enabled": False},
        ALONE,
        {"robot_stack_services": ["victoriametrics"]},
        {"sensor_service_enabled": False, "victoriametrics_enabled": False},
        {"sensor_service_collectors": ["memory"], "sensor_service_filesystems": []},
        {"sensor_service_collectors": ["memory", "textfile"]},
        {"robot_stack_state": "absent", "victoriametrics_enabled": False},
    ],
    ids=str,
)
def test_what_the_remedies_say_passes(written: dict[str, Any]) -> None:
    assert faults(**written) == []


def test_the_remedy_keeps_the_other_targets() -> None:
    targets = {"sensor_service": ["127.0.0.1:9101"], **LIDAR}
    (found,) = faults(sensor_service_enabled=False, victoriametrics_scrape_targets=targets)
    assert f"write victoriametrics_scrape_targets: {LIDAR}" in found.remedy
