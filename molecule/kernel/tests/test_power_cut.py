"""The power is cut while everything runs: the stack comes back by itself, inside its budget, with its samples."""

from __future__ import annotations

from typing import Any

import power
from comes_back import comes_back_with_its_samples


def test_the_stack_comes_back_by_itself_with_its_samples(robot: Any) -> None:
    boot = robot.run("cat /proc/sys/kernel/random/boot_id")
    comes_back_with_its_samples(robot)
    assert robot.run("cat /proc/sys/kernel/random/boot_id") != boot


def test_a_run_after_the_cut_changes_nothing(robot: Any, playbook: Any) -> None:
    power.wait_until(robot, "systemctl is-system-running --wait | grep -qE 'running|degraded'")
    before = [robot.started_at(service) for service in robot.services]
    done = playbook("playbooks/site.yml")
    assert done.returncode == 0, done.stdout
    assert "changed=0" in done.stdout
    assert [robot.started_at(service) for service in robot.services] == before
