"""Fixtures: the robots of a hub with several hosts, its secrets on this machine, and how one of the hosts is asked."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import entry_point
import pytest
import reading
from two_hubs import Ask, Reading

FLEET = "/api/v1/query?nocache=1&query=" + quote('count by (robot) (last_over_time(up{robot!=""}[1h]))')


@pytest.fixture(scope="session")
def fleet(robots: dict[str, Any]) -> dict[str, Any]:
    """The robots by name, without the hub."""
    return {name: robots[name] for name in ("scout", "rover")}


@pytest.fixture(scope="session")
def folder() -> Path:
    """Where the hub's playbook leaves what it makes."""
    return Path(os.environ["MOLECULE_SCENARIO_DIRECTORY"]) / "inventory" / ".telemetry_hub"


@pytest.fixture(scope="session")
def authority(folder: Path) -> str:
    """The certificate that robots are given, as PEM."""
    return (folder / "ca.pem").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def secret(folder: Path) -> Callable[[str], str]:
    """Somebody's password, by its file."""
    return lambda name: (folder / name).read_text(encoding="utf-8").strip()


@pytest.fixture(scope="session")
def ask(fleet: dict[str, Any], authority: str, secret: Callable[[str], str]) -> Ask:
    """Ask one of the hosts from scout, over the network, as the reader unless another login is given."""

    def asked(
        host: Any, path: str, login: tuple[str, str] | None = None, body: str | None = None
    ) -> entry_point.Answer:
        user, password = login or ("reader", secret("reader.password"))
        base = f"https://{host.name}:8427"
        return entry_point.ask(fleet["scout"], entry_point.Question(path, authority, user, password, body, base=base))

    return asked


@pytest.fixture(scope="session")
def reads(fleet: dict[str, Any], authority: str, secret: Callable[[str], str]) -> Reading:
    """Have somebody read the list of the fleet through the entry point of one host, all the time."""

    def begun(host: Any) -> AbstractContextManager[reading.Seen]:
        url = f"https://{host.name}:8427{FLEET}"
        return reading.reading(fleet["scout"], url, authority, "reader", secret("reader.password"))

    return begun
