"""Fixtures: the two hosts of a hub."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture(scope="session")
def north(robots: dict[str, Any]) -> Any:
    return robots["north"]


@pytest.fixture(scope="session")
def south(robots: dict[str, Any]) -> Any:
    return robots["south"]


@pytest.fixture(scope="session")
def hubs(north: Any, south: Any) -> list[Any]:
    return [north, south]
