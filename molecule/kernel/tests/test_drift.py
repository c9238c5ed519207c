"""Somebody changes limits, a file and a timer by hand, with systemd and the kernel alone: told, and mended.

That nothing differs afterwards, the verification at the end of test_false_clock.py says.
"""

from __future__ import annotations

from typing import Any

MIB = 1024 * 1024
CEILING = "robotstack.slice"
TIMER = "robot-stack-watchdog.timer"


def scrape_file(robot: Any) -> str:
    """The file in which the database finds its targets, as the robot has it."""
    (mount,) = [one for one in robot.inspect("victoriametrics")["HostConfig"]["Mounts"] if one["Target"] == "/config"]
    return f"{mount['Source']}/scrape.yml"


def test_what_was_changed_by_hand_is_told_and_mended(robot: Any, playbook: Any) -> None:
    budget = robot.declared("robot_stack_memory_budget_mib")
    started = {service: robot.started_at(service) for service in robot.services}
    engine, file = robot.run("pidof dockerd containerd"), scrape_file(robot)
    robot.run(f"systemctl set-property {CEILING} MemoryMax=400M")
    robot.run(f"systemctl disable --quiet --now {TIMER}")
    robot.run(f"echo '# by hand' >>{file}")
    # the engine does not know of it: only the kernel says what the limit is
    robot.run(f"echo {64 * MIB} >{robot.cgroup(robot.pid('sensor_service'))}/memory.max")
    told = playbook("playbooks/verify.yml")
    assert told.returncode != 0
    for words in (
        "emulated differs from its declaration:",
        f"cap the whole stack at {budget} MiB (was 400 MiB)",
        "-memory limit in the kernel: 400.0 MiB",
        f"start the watchdog: {TIMER} is inactive (dead)",
        f"write {file}",
        "-# by hand",
        "one of its files was changed",
        "recreate container robot-stack-sensor_service: Memory in the kernel is 64.0 MiB, not 32.0 MiB",
        "emulated sensor_service: the kernel's limit is 64.0 MiB, declared are 32.0 MiB",
    ):
        assert words in told.stdout, f"{words!r} is not in:\n{told.stdout}"
    assert {service: robot.started_at(service) for service in robot.services} == started, "it was asked, not changed"
    mended = playbook("playbooks/site.yml")
    assert mended.returncode == 0, mended.stdout
    assert int(robot.run(f"cat /sys/fs/cgroup/{CEILING}/memory.max")) == budget * MIB
    # or it would be back after the next boot
    assert robot.host.run("grep -rl MemoryMax /etc/systemd/system.control").stdout == ""
    assert robot.limits(robot.cgroup(robot.pid("sensor_service"))) == (32 * MIB, 32 * MIB)
    assert robot.run(f"systemctl is-enabled {TIMER}; systemctl is-active {TIMER}").split() == ["enabled", "active"]
    assert "by hand" not in robot.run(f"cat {scrape_file(robot)}")
    assert all(robot.started_at(service) != before for service, before in started.items()), "both read it anew"
    assert robot.run("pidof dockerd containerd") == engine
