"""A changed limit restarts the service that it belongs to, once, and nothing else; data stays."""

from __future__ import annotations

import json
from typing import Any

MIB = 1024 * 1024


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
    limits = {"sensor_service_memory_limit_mib": 40, "victoriametrics_memory_limit_mib": 64}
    _apply(playbook, sensor_service_memory_limit_mib=40)
    first = float(robot.query("tfirst_over_time(node_load1[1h])")[0]["value"][1])
    sensor, database = robot.started_at("sensor_service"), robot.started_at("victoriametrics")
    _apply(playbook, **limits)
    after = robot.started_at("victoriametrics")
    assert after != database
    assert robot.started_at("sensor_service") == sensor
    assert f"vm_available_memory_bytes {64 * MIB}" in robot.get("http://127.0.0.1:8428/metrics")
    assert float(robot.query("tfirst_over_time(node_load1[1h])")[0]["value"][1]) == first
    _apply(playbook, **limits)
    assert robot.started_at("victoriametrics") == after


def test_check_mode_names_the_restart_and_does_not_do_it(robot: Any, playbook: Any) -> None:
    limits = {"sensor_service_memory_limit_mib": 36, "victoriametrics_memory_limit_mib": 64}
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


def test_a_version_that_does_not_start_is_put_back(robot: Any, playbook: Any) -> None:
    before = robot.run("docker inspect -f '{{.Id}}' robot-stack-victoriametrics")
    bad = {"victoriametrics_flags_extra": {"no.such.flag": "1"}, "victoriametrics_memory_limit_mib": 64}
    done = playbook("playbooks/site.yml", "-e", json.dumps(bad))
    assert done.returncode != 0
    assert "the last good container was put back" in done.stdout
    assert robot.run("docker inspect -f '{{.Id}}' robot-stack-victoriametrics") == before
    assert robot.query("up"), "it serves again"
