"""A robot whose kernel enforces no limit, as Raspberry Pi OS ships it: refused, or switched on and proved.

The robot is asked in the order of this file: it is rebooted in vain first, and then with success.
"""

from __future__ import annotations

import json
from typing import Any

from untouched import changed, photograph

ALLOWED = {"memory_cgroup_reboot_allowed": True}
BOOT_LINE = "/boot/firmware/cmdline.txt"
OPTIONS = "cgroup_enable=memory cgroup_memory=1"
MIB = 1024 * 1024


def _run(playbook: Any, name: str, *words: str, **variables: Any) -> Any:
    return playbook(f"playbooks/{name}.yml", *words, "-e", json.dumps(variables))


def _boot(robot: Any) -> str:
    return str(robot.run("cat /proc/sys/kernel/random/boot_id"))


def test_without_permission_it_is_refused_with_the_remedy_and_left_alone(robot: Any, playbook: Any) -> None:
    before = photograph(robot)
    for name in ("preflight", "site"):
        done = _run(playbook, name)
        assert done.returncode != 0, done.stdout
        assert "the kernel's memory controller is switched off" in done.stdout
        assert "set memory_cgroup_reboot_allowed: true" in done.stdout
        assert f"edit {BOOT_LINE} and reboot by hand" in done.stdout
    done = _run(playbook, "site", memory_cgroup_enable=False)
    assert done.returncode != 0, done.stdout
    assert "set memory_cgroup_enable: true" in done.stdout
    assert changed(before, photograph(robot)) == ""


def test_check_mode_shows_the_boot_line_and_the_reboot_and_does_neither(robot: Any, playbook: Any) -> None:
    before = photograph(robot)
    done = _run(playbook, "site", "--check", "--diff", **ALLOWED)
    assert done.returncode == 0, done.stdout
    assert f"switch the memory controller on in {BOOT_LINE}" in done.stdout
    assert f"fsck.repair=yes rootwait {OPTIONS}" in done.stdout
    assert "- reboot, so that the kernel starts with it" in done.stdout
    done = _run(playbook, "preflight", **ALLOWED)
    assert done.returncode == 0, done.stdout
    assert "raspberry: what would be done:" in done.stdout
    assert changed(before, photograph(robot)) == ""


def test_a_reboot_that_brings_no_controller_fails_loudly_and_is_not_repeated(robot: Any, playbook: Any) -> None:
    """A boot line that the firmware of this robot does not read."""
    robot.run("cp /boot/firmware/cmdline.txt /boot/cmdline.txt")
    wrong = {**ALLOWED, "memory_cgroup_boot_files": ["/boot/cmdline.txt"]}
    first = _boot(robot)
    done = _run(playbook, "site", **wrong)
    assert done.returncode != 0, done.stdout
    assert "the kernel was started since without reading that" in done.stdout
    rebooted = _boot(robot)
    assert rebooted != first
    done = _run(playbook, "site", **wrong)
    assert done.returncode != 0, done.stdout
    assert _boot(robot) == rebooted
    assert robot.host.run("docker inspect robot-stack-sensor_service").rc != 0
    robot.run("rm /boot/cmdline.txt")


def test_where_allowed_it_is_switched_on_rebooted_and_the_limits_hold(robot: Any, playbook: Any) -> None:
    rest = robot.run(f"cat {BOOT_LINE}").strip()
    before = _boot(robot)
    done = _run(playbook, "site", **ALLOWED)
    assert done.returncode == 0, done.stdout
    assert _boot(robot) != before
    assert robot.run("cat /proc/cmdline").strip() == f"{rest} {OPTIONS}"
    for service, limit in (("sensor_service", 32), ("victoriametrics", 64)):
        assert robot.limits(robot.cgroup(robot.pid(service))) == (limit * MIB, limit * MIB)
    done = _run(playbook, "verify")
    assert done.returncode == 0, done.stdout


def test_a_second_run_changes_nothing_and_does_not_reboot(robot: Any, playbook: Any) -> None:
    before, started = _boot(robot), robot.started_at("victoriametrics")
    done = _run(playbook, "site", **ALLOWED)
    assert done.returncode == 0, done.stdout
    assert "Nothing changed." in done.stdout
    assert (_boot(robot), robot.started_at("victoriametrics")) == (before, started)
