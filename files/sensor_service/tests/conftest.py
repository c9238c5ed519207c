"""Puts the service's sources and the fixture trees within reach, whatever directory pytest was started in."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

HERE = Path(__file__).resolve().parent
for entry in (HERE.parent / "src", HERE.parents[2]):
    if str(entry) not in sys.path:
        sys.path.insert(0, str(entry))

from files.sensor_service.tests import robots  # noqa: E402 (its folder is known only now)
from files.sensor_service.tests.service import Service  # noqa: E402 (its folder is known only now)
from files.sensor_service.tests.trees import write  # noqa: E402 (its folder is known only now)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "docker: needs a Docker engine and the base images")
    # a busy machine is no fault of what is tested
    settings.register_profile("project", deadline=None)
    settings.load_profile("project")


@pytest.fixture
def raspberry_pi(tmp_path: Path) -> Path:
    return robots.raspberry_pi(tmp_path / "pi")


@pytest.fixture
def x86_robot(tmp_path: Path) -> Path:
    return robots.x86_robot(tmp_path / "x86")


@pytest.fixture
def bare_robot(tmp_path: Path) -> Path:
    """Linux without a single sensor."""
    root = robots.common(tmp_path / "bare")
    write(root, {"proc/diskstats": ""})
    return root


@pytest.fixture
def start_service() -> Iterator[Callable[..., Service]]:
    """Starts services on free ports and stops them after the test."""
    started: list[Service] = []

    def start(**arguments: object) -> Service:
        service = Service(**arguments)  # type: ignore[arg-type]  # whatever a test asks for
        started.append(service)
        return service

    yield start
    for service in started:
        service.stop()
