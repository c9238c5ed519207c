"""Every scenario's inventory is one that the gate lets through; tests/roles does the same for those of inventory/."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate import gate
from declarations import PROJECT, catalogue, fleet

SHARED = PROJECT / "molecule" / "shared" / "inventory"
SCENARIOS = sorted(path.parent for path in PROJECT.glob("molecule/*/inventory") if path != SHARED)

REFUSED = {
    # about a service whose role is in docs/adding-a-service.md, and here nowhere
    "own_service": {"robot_stack_services", "my_service_memory_limit_mib"},
}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda path: path.name)
def test_a_scenarios_inventory_is_let_through(scenario: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOLECULE_PROJECT_DIRECTORY", str(PROJECT))
    robots = fleet(SHARED, scenario / "inventory")
    assert robots
    assert {found.variable for robot in robots for found in gate.check(robot, catalogue())} == REFUSED.get(
        scenario.name, set()
    )
