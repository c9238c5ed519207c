"""What the container is shown on a robot is all that its collectors read: no series is lost on the way."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from sensor_service.catalogue import COLLECTORS
from sensor_service.output import Output
from sensor_service.robot import Robot

from files.sensor_service.tests.conftest import HERE
from files.sensor_service.tests.field_robots import ROBOTS

if TYPE_CHECKING:
    from collections.abc import Callable

# `simulated` reads nothing, `textfile` has a mount of its own, and file systems are told by the watchdog.
NOT_OF_THE_KERNEL = ("simulated", "textfile", "filesystem")


def figures() -> list[str]:
    """The paths that the role shows to the container."""
    variables = yaml.safe_load((HERE.parents[2] / "roles/sensor_service/vars/main.yml").read_text(encoding="utf-8"))
    paths: list[str] = variables["sensor_service_kernel_figures"]
    return paths


def shown(root: Path, view: Path) -> Path:
    """Makes the container's view of a robot: the listed paths, those that it has."""
    for path in figures():
        source, target = root / path.lstrip("/"), view / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, symlinks=True)
        elif source.exists():
            shutil.copy(source, target)
    return view


def told(root: Path, name: str) -> dict[str, str]:
    """What a collector tells of a tree; a fault fails the test."""
    out = Output()
    COLLECTORS[name](Robot(str(root / "proc"), str(root / "sys")), out)
    assert out.faults == []
    return {series: value for family in out.families.values() for series, value in family.samples.items()}


@pytest.mark.parametrize("build", ROBOTS.values(), ids=list(ROBOTS))
def test_no_series_is_lost_between_the_robot_and_its_container(tmp_path: Path, build: Callable[[Path], Path]) -> None:
    root = build(tmp_path / "robot")
    view = shown(root, tmp_path / "view")
    for name in COLLECTORS.keys() - set(NOT_OF_THE_KERNEL):
        assert told(view, name) == told(root, name), name


def test_each_collector_has_something_to_tell_on_one_of_the_robots(tmp_path: Path) -> None:
    trees = [build(tmp_path / name) for name, build in ROBOTS.items()]
    silent = {name for name in COLLECTORS if not any(told(tree, name) for tree in trees)}
    assert silent == set(NOT_OF_THE_KERNEL) - {"simulated"}


def test_a_folder_that_comes_with_a_driver_is_no_mount_of_its_own() -> None:
    """At boot the engine may start the container before the driver is loaded: it would stay down."""
    assert [path for path in figures() if path.startswith(("/sys/bus/", "/sys/class/"))] == []
