"""playbooks/preflight.yml, run on an inventory that cannot work, whose robots do not exist."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from declarations import BIN, PROJECT

HOSTS = """
robots:
  hosts:
    scout: {ansible_host: 192.0.2.1}
    cart: {ansible_host: 192.0.2.2}
"""
ALL_ROBOTS = """
robot_stack_memory_budget_mib: 250
container_engine_memory_allowance_mib: 128
sensor_service_memory_limit_mib:
"""
SCOUT = """
victoriametrics_memory_limit_mib: 50M
victoriametrics_retention: "{{ no_such_variable }}"
"""
CART = """
sensor_service_memory_limit_mib: 32
victoriametrics_memory_limit_mib: 128
victoriametrics_memory_limit_mb: 64
"""


@pytest.fixture(scope="module")
def refusal(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """What the playbook answers."""
    fleet = tmp_path_factory.mktemp("fleet")
    write(fleet / "hosts.yml", HOSTS)
    write(fleet / "group_vars" / "robots" / "memory_budget.yml", ALL_ROBOTS)
    write(fleet / "host_vars" / "scout" / "memory_budget.yml", SCOUT)
    write(fleet / "host_vars" / "cart" / "memory_budget.yml", CART)
    # A connection would be made by this program: it leaves a trace.
    programs = tmp_path_factory.mktemp("programs")
    trace, ssh = programs / "trace", programs / "ssh"
    write(ssh, f"#!/bin/sh\necho \"$@\" >> '{trace}'\nexit 255\n")
    ssh.chmod(0o755)
    settings = {"ANSIBLE_SSH_EXECUTABLE": str(ssh), "ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0"}
    answer = subprocess.run(
        [BIN / "ansible-playbook", "-i", fleet, "playbooks/preflight.yml"],
        cwd=PROJECT,
        env={**os.environ, **settings},
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert not trace.exists(), f"a robot was contacted: {trace.read_text()}"
    return answer


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.lstrip("\n"), encoding="utf-8")


def test_it_fails_before_any_robot_is_contacted(refusal: subprocess.CompletedProcess[str]) -> None:
    assert refusal.returncode != 0
    assert "UNREACHABLE" not in refusal.stdout
    assert "No robot was contacted." in refusal.stdout + refusal.stderr


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("group_vars/robots/memory_budget.yml:1", "robot_stack_memory_budget_mib: 250"),
        ("group_vars/robots/memory_budget.yml:3", "sensor_service_memory_limit_mib: (empty)"),
        ("host_vars/scout/memory_budget.yml:1", 'victoriametrics_memory_limit_mib: "50M"'),
        ("host_vars/scout/memory_budget.yml:2", "victoriametrics_retention: (unknown)"),
        ("host_vars/cart/memory_budget.yml:3", "victoriametrics_memory_limit_mb: 64"),
    ],
)
def test_every_fault_is_told_with_its_file_and_line(
    refusal: subprocess.CompletedProcess[str], line: str, fault: str
) -> None:
    told = [text for text in (refusal.stdout + refusal.stderr).splitlines() if fault in text]
    assert told, refusal.stdout + refusal.stderr
    assert all(line in text for text in told)


def test_there_is_one_message(refusal: subprocess.CompletedProcess[str]) -> None:
    text = refusal.stdout + refusal.stderr
    assert text.count("5 faults on 2 of 2 robots") == 1
