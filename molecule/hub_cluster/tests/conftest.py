"""The three hosts of the hub, and what is needed to ask them."""

from __future__ import annotations

from typing import Any

import pytest
from asking_hubs import ask, authority, fleet, folder, reads, secret  # noqa: F401 - fixtures
from through import Through


@pytest.fixture(scope="session")
def hubs(robots: dict[str, Any]) -> dict[str, Any]:
    """The hosts of the cluster, by name."""
    return {name: robots[name] for name in ("one", "two", "three")}


@pytest.fixture(scope="session")
def through(hubs: dict[str, Any]) -> dict[str, Through]:
    """The same, each asked for what the whole cluster has."""
    return {name: Through(host, list(hubs.values())) for name, host in hubs.items()}
