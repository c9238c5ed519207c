"""The hub of the scenario, its two robots, and the secrets that the hub's playbook left on this machine."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import entry_point
import pytest


@pytest.fixture(scope="session")
def hub(robots: dict[str, Any]) -> Any:
    return robots["hub"]


@pytest.fixture(scope="session")
def scout(robots: dict[str, Any]) -> Any:
    return robots["scout"]


@pytest.fixture(scope="session")
def rover(robots: dict[str, Any]) -> Any:
    return robots["rover"]


@pytest.fixture(scope="session")
def folder() -> Path:
    """Where the hub's playbook leaves what it makes."""
    return Path(os.environ["MOLECULE_SCENARIO_DIRECTORY"]) / "inventory" / ".telemetry_hub"


@pytest.fixture(scope="session")
def authority(folder: Path) -> str:
    """The certificate that robots are given, as PEM."""
    return (folder / "ca.pem").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def passwords(folder: Path) -> dict[str, str]:
    """Everybody's password, by user name."""
    found = {path.stem: path.read_text(encoding="utf-8").strip() for path in (folder / "robots").iterdir()}
    return {**found, "reader": (folder / "reader.password").read_text(encoding="utf-8").strip()}


@pytest.fixture(scope="session")
def as_user(scout: Any, authority: str, passwords: dict[str, str]) -> Callable[..., entry_point.Answer]:
    """Ask the hub from ``scout``, over the network, with somebody's password."""

    def ask(user: str, path: str, body: str | None = None) -> entry_point.Answer:
        return entry_point.ask(scout, entry_point.Question(path, authority, user, passwords[user], body))

    return ask
