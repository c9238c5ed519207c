"""A kernel whose memory controller is switched off: the robot is refused, or its controller is switched on for good.

Runs first, by its name: what it deploys, the other tests ask about.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from untouched import changed, photograph

# The limit is another one than declared, so that test_changes.py can change it.
ALLOWED = {"memory_cgroup_reboot_allowed": True, "sensor_service_memory_limit_mib": 40}
BOOT_LINE = "/boot/firmware/cmdline.txt"
BOOT_DISK = f"cat {BOOT_LINE}; ls -AlR --time-style=full-iso /boot/firmware"
OPTIONS = "cgroup_enable=memory cgroup_memory=1"
FILLER = "/var/tmp/filler"  # where photographs do not look
LEFT_MIB = 16  # Ansible can work with them, and nothing be installed
MIB = 1024 * 1024


def _run(playbook: Any, name: str, *words: str, **variables: Any) -> Any:
    return playbook(f"playbooks/{name}.yml", *words, "-e", json.dumps(variables))


def _boot(robot: Any) -> str:
    return str(robot.run("cat /proc/sys/kernel/random/boot_id"))


@pytest.fixture
def full_disk(robot: Any) -> Iterator[None]:
    free, size = map(int, robot.run("stat --file-system --format '%f %S' /").split())
    robot.host.run(f"fallocate --length {free * size} {FILLER}")  # it ends where no room is left
    robot.host.run(f"dd if=/dev/zero of={FILLER}.rest bs=4096; sync")
    assert robot.run("stat --file-system --format %a /").strip() == "0"
    yield
    robot.run(f"rm --force {FILLER} {FILLER}.rest && sync")


def leave(robot: Any, mib: int) -> None:
    """Fill the disk anew, so that those who are not root have a few MiB."""
    robot.run(f"rm {FILLER} {FILLER}.rest && sync")
    free, size = map(int, robot.run("stat --file-system --format '%a %S' /").split())
    robot.run(f"fallocate --length {free * size - mib * MIB} {FILLER} && sync")


def test_this_is_a_kernel_of_its_own_with_cgroup_v2_and_no_memory_controller(robot: Any) -> None:
    assert robot.run("uname -r").strip() != robot.host.backend.run_local("uname -r").stdout.strip()
    assert robot.run("stat --file-system --format %T /sys/fs/cgroup").strip() == "cgroup2fs"
    assert "memory" not in robot.run("cat /sys/fs/cgroup/cgroup.controllers").split()
    assert int(robot.run("awk '/^SwapTotal/ {print $2}' /proc/meminfo")) > 0, "it has swap that nobody may use"


def test_without_permission_it_is_refused_with_the_remedy_and_check_mode_leaves_it_alone_as_well(
    robot: Any, playbook: Any
) -> None:
    before, disk = photograph(robot), robot.run(BOOT_DISK)
    for name in ("preflight", "site"):
        done = _run(playbook, name)
        assert done.returncode != 0, done.stdout
        assert "the kernel's memory controller is switched off" in done.stdout
        assert "set memory_cgroup_reboot_allowed: true" in done.stdout
        assert f"edit {BOOT_LINE} and reboot by hand" in done.stdout
    done = _run(playbook, "site", "--check", "--diff", **ALLOWED)
    assert done.returncode == 0, done.stdout
    assert f"switch the memory controller on in {BOOT_LINE}" in done.stdout
    assert f"panic=1 {OPTIONS}" in done.stdout
    assert "- reboot, so that the kernel starts with it" in done.stdout
    assert changed(before, photograph(robot)) == ""
    assert robot.run(BOOT_DISK) == disk


def test_with_a_full_disk_it_is_told_why_and_left_alone(robot: Any, playbook: Any, full_disk: None) -> None:
    """Not one block is left, not even root's: Ansible itself cannot begin. With a few MiB, it is refused."""
    before, disk = photograph(robot), robot.run(BOOT_DISK)
    done = _run(playbook, "site", **ALLOWED)
    assert done.returncode != 0, done.stdout
    told = [line for line in done.stdout.splitlines() if line.startswith("emulated could not be reached: ")]
    assert ["No space left on device" in line for line in told] == [True], done.stdout
    assert changed(before, photograph(robot)) == ""

    leave(robot, LEFT_MIB)
    done = _run(playbook, "preflight", **ALLOWED)
    assert done.returncode != 0, done.stdout
    assert "refused, for 1 reason(s):" in done.stdout
    assert re.search(r"[0-9.]+ MiB of disk are free for /, /var/lib/docker, /var/lib/robot-stack, ", done.stdout)
    assert "(own files 8, the engine's packages 300, " in done.stdout
    assert changed(before, photograph(robot)) == ""
    assert robot.run(BOOT_DISK) == disk


def test_where_allowed_it_is_switched_on_with_a_reboot_and_the_stack_is_deployed(robot: Any, playbook: Any) -> None:
    rest = robot.run(f"cat {BOOT_LINE}").strip().replace(" cgroup_disable=memory", "")
    before = _boot(robot)
    done = _run(playbook, "site", **ALLOWED)
    assert done.returncode == 0, done.stdout + done.stderr
    assert _boot(robot) != before
    assert robot.run("cat /proc/cmdline").strip() == robot.run(f"cat {BOOT_LINE}").strip() == f"{rest} {OPTIONS}"
    assert "memory" in robot.run("cat /sys/fs/cgroup/cgroup.controllers").split()


def test_a_second_run_changes_nothing_and_does_not_reboot(robot: Any, playbook: Any) -> None:
    before = _boot(robot), [robot.started_at(service) for service in robot.services]
    done = _run(playbook, "site", **ALLOWED)
    assert done.returncode == 0, done.stdout
    assert "Nothing changed." in done.stdout
    assert (_boot(robot), [robot.started_at(service) for service in robot.services]) == before
