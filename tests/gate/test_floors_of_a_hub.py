"""No part of a hub gets a limit in which it cannot serve; the defaults are above every floor."""

from __future__ import annotations

from typing import Any

import pytest
import rendering
import yaml
from ansible_collections.robotfleet.stack.plugins.filter.vmauth_fit import KIB_PER_CONNECTION, fit, robots
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate import floors, gate
from declarations import PROJECT, catalogue, defaults, robot

OWN = yaml.safe_load((PROJECT / "roles/telemetry_hub/vars/main.yml").read_text(encoding="utf-8"))
PARTS = sorted(name.removesuffix("_spec") for name in OWN if name.endswith("_spec"))
BACKUP = {"telemetry_hub_backup_enabled": True, "telemetry_hub_backup_destination": "fs:///srv/backups/hub"}
OF_CLUSTERS = ("telemetry_hub_vmstorage", "telemetry_hub_vmselect", "telemetry_hub_vminsert", "telemetry_hub_vmagent")


def floor(part: str) -> int:
    """Return the floor of a part of a hub without robots."""
    return int(rendering.value(f"{part}_spec.memory_floor.mib"))


def faults(part: str, limit: int) -> list[Any]:
    known = {"robot_stack_memory_budget_mib": 2000, **BACKUP, f"{part}_memory_limit_mib": limit}
    of_cluster = {f"{one}_enabled": True for one in OF_CLUSTERS}
    services = ["sensor_service", "telemetry_hub_victoriametrics", "telemetry_hub_vmauth", part]
    found = gate.check(robot("hub", robot_stack_services=services, **of_cluster, **known), catalogue())
    return [one for one in found if one.variable.endswith("_memory_limit_mib")]


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("below", [1, 2, 8])
def test_a_limit_below_a_parts_floor_is_refused_with_one_that_is_not(part: str, below: int) -> None:
    (found,) = faults(part, floor(part) - below)
    assert (found.robot, found.variable) == ("hub", f"{part}_memory_limit_mib")
    assert found.value == str(floor(part) - below)
    assert f"below the {floor(part)} MiB" in found.why
    assert found.remedy.startswith(f"raise it to at least {floor(part)}")
    assert faults(part, floor(part)) == []


@pytest.mark.parametrize("part", PARTS)
def test_the_smallest_limit_that_the_engine_takes_is_too_small_for_every_part(part: str) -> None:
    assert [one.variable for one in faults(part, 6)] == [f"{part}_memory_limit_mib"]


@pytest.mark.parametrize("part", PARTS)
def test_the_default_of_a_part_is_above_its_floor(part: str) -> None:
    assert defaults()[f"{part}_memory_limit_mib"] >= 1.2 * floor(part)


def test_at_its_floor_the_entry_point_has_room_for_the_connections_that_it_takes() -> None:
    found = fit(floor("telemetry_hub_vmauth"))
    assert found["gomemlimit_mib"] * 1024 >= found["open_files_limit"] * KIB_PER_CONNECTION


def test_the_entry_point_has_room_for_as_many_robots_as_its_floor_says() -> None:
    for connected, mib in floors.TABLES["telemetry_hub_vmauth"]:
        assert robots(mib) - 10 <= connected <= robots(mib)
    for connected in (*range(1, 6000, 7), 20_000, 100_000):
        assert robots(floors.measured_mib("telemetry_hub_vmauth", connected)) >= connected


@pytest.mark.parametrize(
    ("fleet", "hosts", "connected"), [(0, 0, 1), (300, 0, 300), (300, 3, 300), (300, 4, 200), (300, 7, 100)]
)
def test_each_robot_is_connected_to_two_of_a_clusters_hosts(fleet: int, hosts: int, connected: int) -> None:
    known = {
        "telemetry_hub_robots": [f"scout-{number}" for number in range(fleet)],
        "telemetry_hub_cluster": {f"hub-{number}": {} for number in range(hosts)},
    }
    assert int(rendering.value("telemetry_hub_connected", **known)) == connected


def test_a_fleet_that_the_entry_point_would_not_let_in_is_refused() -> None:
    """500 robots at the default limit: about 200 of them would wait for a connection of somebody else's."""
    known = {"telemetry_hub_robots": [f"scout-{number}" for number in range(500)]}
    mib = int(rendering.value("telemetry_hub_vmauth_spec.memory_floor.mib", **known))
    assert 64 < mib <= 128
    assert robots(64) < 500 <= robots(mib)
    assert rendering.value("telemetry_hub_vmauth_spec.memory_floor.load", **known).endswith("connections of 500 robots")


@pytest.mark.parametrize("part", ["vmalert", "backup", "restore"])
def test_at_its_floor_a_part_has_a_heap(part: str) -> None:
    limit = {f"telemetry_hub_{part}_memory_limit_mib": floor(f"telemetry_hub_{part}")}
    assert rendering.value(f"telemetry_hub_{part}_spec.environment.GOMEMLIMIT", **limit) == "16MiB"
