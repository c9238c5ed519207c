"""What holds on every robot holds with the agent on it, too."""

from __future__ import annotations

import re
from typing import Any

from promises import (
    test_nothing_but_ssh_listens_to_the_network,
    test_services_run_confined,
    test_the_kernel_caps_the_whole_stack_at_the_budget,
    test_the_kernel_limits_each_service_as_the_inventory_says,
)

__all__ = [
    "test_nothing_but_ssh_listens_to_the_network",
    "test_services_run_confined",
    "test_the_kernel_caps_the_whole_stack_at_the_budget",
    "test_the_kernel_limits_each_service_as_the_inventory_says",
]
MIB = 1024 * 1024


def test_the_agent_believes_in_its_limit(robot: Any) -> None:
    believed = re.search(r"^vm_available_memory_bytes (\S+)$", robot.get("http://127.0.0.1:8429/metrics"), re.M)
    assert believed
    assert float(believed[1]) == robot.declared("vmagent_memory_limit_mib") * MIB


def test_the_password_is_in_one_file_that_only_the_agent_can_read(robot: Any) -> None:
    folder = "/var/lib/robot-stack/vmagent/config"
    words = robot.run(f"cat {folder}/*/hub_password")
    assert len(words) > 4
    modes = robot.run(f"stat -c '%a %u' {folder} {folder}/*/hub_password")
    assert modes.splitlines() == ["700 0", "400 70102"]
    assert words not in robot.run("tr '\\0' ' ' </proc/$(pidof -s vmagent-prod)/cmdline")
    assert words not in str(robot.inspect("vmagent"))
    assert words not in robot.run("docker logs robot-stack-vmagent 2>&1")
