"""The two robots of the scenario, and their hub."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture(scope="session")
def fleet(robots: dict[str, Any]) -> dict[str, Any]:
    """The robots by name, without their hub."""
    return {name: robot for name, robot in robots.items() if name != "hub"}


@pytest.fixture(scope="session")
def hub(robots: dict[str, Any]) -> Any:
    return robots["hub"]
