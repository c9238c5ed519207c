"""The promises that hold on every robot, whatever its budget. Scenarios import those that they check."""

from __future__ import annotations

import re
from typing import Any

SERVICES = {"sensor_service": 70100, "victoriametrics": 70101}  # of a robot that keeps its samples, with their users
USERS = {**SERVICES, "vmagent": 70102}
MIB = 1024 * 1024


def test_the_kernel_limits_each_service_as_the_inventory_says(robot: Any) -> None:
    for service in robot.services:
        limit = robot.declared(f"{service}_memory_limit_mib") * MIB
        assert robot.limits(robot.cgroup(robot.pid(service))) == (limit, limit), service


def test_the_kernel_caps_the_whole_stack_at_the_budget(robot: Any) -> None:
    for service in robot.services:
        directory = robot.cgroup(robot.pid(service))
        ceiling = re.match(r".*/robotstack\.slice", directory)
        assert ceiling, directory
        name = "memory.max" if "/memory/" not in directory else "memory.limit_in_bytes"
        assert int(robot.run(f"cat {ceiling[0]}/{name}")) == robot.declared("robot_stack_memory_budget_mib") * MIB


def test_victoriametrics_believes_in_its_limit(robot: Any) -> None:
    page = robot.get("http://127.0.0.1:8428/metrics")
    believed = re.search(r"^vm_available_memory_bytes (\S+)$", page, re.M)
    assert believed
    assert float(believed[1]) == robot.declared("victoriametrics_memory_limit_mib") * MIB


def test_services_run_confined(robot: Any) -> None:
    for service in robot.services:
        uid = USERS[service]
        pid = robot.pid(service)
        lines = robot.run(f"cat /proc/{pid}/status").splitlines()
        status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
        assert status["Uid"].split() == [str(uid)] * 4
        assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
        assert status["NoNewPrivs"] == "1"
        root = next(line for line in robot.run(f"cat /proc/{pid}/mounts").splitlines() if line.split()[1] == "/")
        assert "ro" in root.split()[3].split(",")


def test_nothing_but_ssh_listens_to_the_network(robot: Any) -> None:
    addresses = [line.split()[3] for line in robot.run("ss -Hltn").splitlines()]
    open_ports = {a.rsplit(":", 1)[1] for a in addresses if not a.startswith(("127.", "[::1]"))}
    assert open_ports == {"22"}


def test_the_robots_own_series_are_in_victoriametrics(robot: Any) -> None:
    for metric in ("node_memory_MemAvailable_bytes", "sensor_scrape_duration_seconds_count"):
        result = robot.query(metric)
        assert result, metric
        assert result[0]["metric"]["robot"] == robot.name
        assert float(result[0]["value"][1]) > 0
    simulated = robot.query('{simulated="true"}')
    assert simulated, "simulated sensors are labelled as such"


def test_the_robots_history_knows_every_limit(robot: Any) -> None:
    for service in robot.services:
        result = robot.query(f'container_spec_memory_limit_bytes{{service="{service}"}}')
        assert [float(series["value"][1]) for series in result] == [robot.declared(f"{service}_memory_limit_mib") * MIB]
