"""A changed limit restarts the service that it belongs to, once, and nothing else; data stays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

MIB = 1024 * 1024
# As the roles' READMEs show it.
ROLE_ALONE = """
- hosts: robots
  gather_facts: false
  roles:
    - role: robotfleet.stack.{role}
"""


def _apply(playbook: Any, **limits: int) -> None:
    done = playbook("playbooks/site.yml", "-e", json.dumps(limits))
    assert done.returncode == 0, done.stdout


def test_a_changed_sensor_limit_restarts_only_the_sensor(robot: Any, playbook: Any) -> None:
    sensor, engine, database = robot.started_at("sensor_service"), robot.run("pidof -s dockerd"), None
    database = robot.started_at("victoriametrics")
    _apply(playbook, sensor_service_memory_limit_mib=40)
    assert robot.started_at("sensor_service") != sensor
    assert robot.started_at("victoriametrics") == database
    assert robot.run("pidof -s dockerd") == engine
    assert robot.limits(robot.cgroup(robot.pid("sensor_service"))) == (40 * MIB, 40 * MIB)


def test_a_changed_database_limit_restarts_it_once_and_keeps_its_data(robot: Any, playbook: Any) -> None:
    limits = {"sensor_service_memory_limit_mib": 40, "victoriametrics_memory_limit_mib": 72}
    _apply(playbook, sensor_service_memory_limit_mib=40)
    first = float(robot.query("tfirst_over_time(node_load1[1h])")[0]["value"][1])
    sensor, database = robot.started_at("sensor_service"), robot.started_at("victoriametrics")
    _apply(playbook, **limits)
    after = robot.started_at("victoriametrics")
    assert after != database
    assert robot.started_at("sensor_service") == sensor
    assert f"vm_available_memory_bytes {72 * MIB}" in robot.get("http://127.0.0.1:8428/metrics")
    assert float(robot.query("tfirst_over_time(node_load1[1h])")[0]["value"][1]) == first
    _apply(playbook, **limits)
    assert robot.started_at("victoriametrics") == after


def test_check_mode_names_the_restart_and_does_not_do_it(robot: Any, playbook: Any) -> None:
    limits = {"sensor_service_memory_limit_mib": 36, "victoriametrics_memory_limit_mib": 72}
    before = robot.started_at("sensor_service")
    done = playbook("playbooks/site.yml", "--check", "--diff", "-e", json.dumps(limits))
    assert done.returncode == 0, done.stdout
    assert "recreate container robot-stack-sensor_service" in done.stdout
    assert "+memory: 36.0 MiB" in done.stdout
    assert robot.started_at("sensor_service") == before


def test_tags_leave_the_other_service_alone(robot: Any, playbook: Any) -> None:
    database = robot.started_at("victoriametrics")
    limits = {"sensor_service_memory_limit_mib": 34, "victoriametrics_memory_limit_mib": 60}
    done = playbook("playbooks/site.yml", "--tags", "sensor_service", "-e", json.dumps(limits))
    assert done.returncode == 0, done.stdout
    assert robot.started_at("victoriametrics") == database
    assert robot.limits(robot.cgroup(robot.pid("sensor_service")))[0] == 34 * MIB


def test_a_role_on_its_own_knows_what_the_inventory_declares(robot: Any, playbook: Any, tmp_path: Path) -> None:
    _apply(playbook)
    for role in ("memory_cgroup", "container_engine", "sensor_service", "victoriametrics"):
        (tmp_path / f"{role}.yml").write_text(ROLE_ALONE.format(role=role), encoding="utf-8")
        done = playbook(str(tmp_path / f"{role}.yml"))
        assert done.returncode == 0, done.stdout
        assert "Nothing changed." in done.stdout, role
        assert "76 MiB of its budget are unassigned" in done.stdout, "300 - 128 - 32 - 64, whatever the role"


def test_a_role_on_its_own_changes_no_other_service(robot: Any, playbook: Any, tmp_path: Path) -> None:
    database, engine = robot.started_at("victoriametrics"), robot.run("pidof -s dockerd")
    (tmp_path / "alone.yml").write_text(ROLE_ALONE.format(role="sensor_service"), encoding="utf-8")
    limits = {"sensor_service_memory_limit_mib": 38, "victoriametrics_memory_limit_mib": 60}
    done = playbook(str(tmp_path / "alone.yml"), "-e", json.dumps(limits))
    assert done.returncode == 0, done.stdout
    assert robot.limits(robot.cgroup(robot.pid("sensor_service")))[0] == 38 * MIB
    assert robot.started_at("victoriametrics") == database
    assert robot.run("pidof -s dockerd") == engine


def test_a_role_on_its_own_does_not_give_away_more_than_the_budget(robot: Any, playbook: Any, tmp_path: Path) -> None:
    sensor = robot.started_at("sensor_service")
    (tmp_path / "alone.yml").write_text(ROLE_ALONE.format(role="sensor_service"), encoding="utf-8")
    done = playbook(str(tmp_path / "alone.yml"), "-e", json.dumps({"sensor_service_memory_limit_mib": 109}))
    assert done.returncode == 2
    assert "engine and limits would be 301 MiB, with what this run leaves as it is (victoriametrics 64)" in done.stdout
    assert robot.started_at("sensor_service") == sensor


def test_a_version_that_does_not_start_is_put_back(robot: Any, playbook: Any) -> None:
    before = robot.run("docker inspect -f '{{.Id}}' robot-stack-victoriametrics")
    bad = {"victoriametrics_flags_extra": {"loggerTimezone": "No/Such"}, "victoriametrics_memory_limit_mib": 72}
    done = playbook("playbooks/site.yml", "-e", json.dumps(bad))
    assert done.returncode != 0
    assert "the last good container was put back" in done.stdout
    assert robot.run("docker inspect -f '{{.Id}}' robot-stack-victoriametrics") == before
    assert robot.query("up"), "it serves again"
