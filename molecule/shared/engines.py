"""Robots with one engine or the other: runs of the product, and what is there after them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import promises

PODMAN = ("-e", "container_engine=podman")
PROGRAMS = {"docker": ("dockerd", "containerd", "runc"), "podman": ("podman", "conmon", "crun")}
STORES = {"docker": "/var/lib/docker", "podman": "/var/lib/containers/storage"}


def site(playbook: Any, *arguments: str) -> str:
    """Deploy; return what the run has said. Raises AssertionError where it failed."""
    done = playbook("playbooks/site.yml", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return str(done.stdout)


def with_podman(robot: Any) -> Any:
    """Return the same robot, asked through its other engine."""
    return replace(robot, variables={**robot.variables, "container_engine": "podman"})


def has_only(robot: Any, engine: str) -> None:
    """The engine is there and the other one is not, nor what it had kept. Raises AssertionError."""
    for kind, programs in PROGRAMS.items():
        for program in programs:
            assert (robot.host.run(f"command -v {program}").rc == 0) == (kind == engine), program
    (other,) = set(STORES) - {engine}
    assert robot.host.file(STORES[engine]).is_directory
    assert not robot.host.file(STORES[other]).exists


def stays(robot: Any, playbook: Any, *arguments: str) -> None:
    """A further run changes nothing, and restarts nothing. Raises AssertionError."""
    before = [robot.started_at(service) for service in robot.services]
    assert "Nothing changed." in site(playbook, *arguments)
    assert [robot.started_at(service) for service in robot.services] == before


def holds(robot: Any) -> None:
    """The kernel has the limits and the ceiling that are declared for this engine. Raises AssertionError."""
    promises.test_the_kernel_limits_each_service_as_the_inventory_says(robot)
    promises.test_the_kernel_caps_the_whole_stack_at_the_budget(robot)
    promises.test_services_run_confined(robot)
