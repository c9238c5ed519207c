"""A robot with Docker and one with Podman in one inventory: each playbook does the same to both. One story."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from bad_version import BAD, ENDED
from engines import PROGRAMS

LIMIT, LARGER = 32, {"sensor_service_memory_limit_mib": 36}  # with Podman: 48 + 36 + 64 = 148 of 150
MIB = 1024 * 1024
CANARY, OTHER = "docked", "daemonless"


def run(playbook: Any, name: str, variables: dict[str, Any] | None = None, *more: str) -> Any:
    return playbook(f"playbooks/{name}.yml", "-e", json.dumps(variables or {}), *more)


def lives(robot: Any) -> list[str]:
    return [robot.started_at(service) for service in robot.services]


def limits(robots: dict[str, Any]) -> dict[str, float]:
    """Return the sensor service's limit on each robot, as its kernel has it, in MiB."""
    found = {name: robot.limits(robot.cgroup(robot.pid("sensor_service"))) for name, robot in robots.items()}
    assert all(memory == both for memory, both in found.values()), found
    return {name: memory / MIB for name, (memory, _) in found.items()}


def test_preflight_says_what_each_of_them_would_get(robots: dict[str, Any], playbook: Any) -> None:
    assert {name: robot.engine for name, robot in robots.items()} == {CANARY: "docker", OTHER: "podman"}
    done = run(playbook, "preflight")
    assert done.returncode == 0, done.stdout
    for budget in (300, 150):
        assert f"cap the whole stack at {budget} MiB" in done.stdout, done.stdout
    assert robots[OTHER].host.run("command -v podman").rc != 0


def test_one_rollout_brings_each_its_engine_and_its_stack(robots: dict[str, Any], playbook: Any) -> None:
    done = run(playbook, "site")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"changed, and passed the gate: {CANARY}, {OTHER}" in done.stdout
    for robot in robots.values():
        (other,) = set(PROGRAMS) - {robot.engine}
        there = {kind: robot.host.run(f"command -v {PROGRAMS[kind][0]}").rc == 0 for kind in PROGRAMS}
        assert there == {robot.engine: True, other: False}, robot.name
    assert limits(robots) == dict.fromkeys(robots, LIMIT)


def test_a_bad_version_stops_after_the_canary_whatever_engine_comes_next(robots: dict[str, Any], playbook: Any) -> None:
    before = {name: lives(robot) for name, robot in robots.items()}
    done = run(playbook, "site", BAD)
    assert done.returncode != 0
    assert re.search(ENDED, done.stdout), done.stdout
    assert f"not reached: {OTHER}: the rollout stopped in wave 1" in done.stdout
    assert lives(robots[OTHER]) == before[OTHER]
    assert lives(robots[CANARY])[0] != before[CANARY][0], "the bad version never ran"
    assert limits(robots) == dict.fromkeys(robots, LIMIT), "and the canary is as it was"


def test_a_changed_limit_reaches_both_and_both_go_back(robots: dict[str, Any], playbook: Any) -> None:
    databases = {name: lives(robot)[1] for name, robot in robots.items()}
    done = run(playbook, "site", LARGER)
    assert done.returncode == 0, done.stdout
    assert limits(robots) == dict.fromkeys(robots, LARGER["sensor_service_memory_limit_mib"])
    back = run(playbook, "rollback")
    assert back.returncode == 0, back.stdout
    assert limits(robots) == dict.fromkeys(robots, LIMIT)
    assert {name: lives(robot)[1] for name, robot in robots.items()} == databases


def test_verify_finds_both_as_they_are_declared(playbook: Any, robots: dict[str, Any]) -> None:
    done = run(playbook, "verify")
    assert done.returncode == 0, done.stdout
    assert "differs" not in done.stdout
    assert len(re.findall(r"whole stack .* ok$", done.stdout, re.M)) == len(robots)


def test_the_report_has_both_with_the_engine_of_each(robots: dict[str, Any], playbook: Any, tmp_path: Path) -> None:
    done = run(playbook, "report", {"report_directory": str(tmp_path)})
    assert done.returncode == 0, done.stdout
    data = json.loads((tmp_path / "performance-budget-report.json").read_text(encoding="utf-8"))["robots"]
    assert {name: robot["state"] for name, robot in data.items()} == dict.fromkeys(robots, "measured")
    assert all(robot["history"]["moments"] for robot in data.values())
    held = {name: robot["engine_usage"]["pss_mib"] for name, robot in data.items()}
    assert 0 < held[OTHER] < held[CANARY], "two conmons, and two daemons"
    for name, robot in robots.items():
        assert data[name]["budget"]["memory_budget_mib"] == robot.declared("robot_stack_memory_budget_mib")
