"""A sensor service that leaks is killed by the kernel inside its limit, judged and recorded; all others live."""

from __future__ import annotations

from typing import Any

from failures import answers, fail_by, kept, watched
from waiting import patience, until


def test_a_leak_is_killed_at_its_limit_and_nothing_else_is(robot: Any, playbook: Any) -> None:
    seconds = patience(robot)
    until(lambda: watched(robot, "robot_stack_service_up") == 1, "the watchdog has seen it answer", seconds)
    restarts, kills = robot.inspect("sensor_service")["RestartCount"], kept(robot, "sensor_service")["oom_kills"]
    database, engine = robot.started_at("victoriametrics"), robot.run("pidof -s dockerd")
    boot = robot.run("cat /proc/sys/kernel/random/boot_id")
    fail_by(robot, "USR1")
    until(lambda: robot.inspect("sensor_service")["RestartCount"] > restarts, "it is killed and restarted", seconds)
    until(lambda: answers(robot), "it serves again by itself", seconds)
    until(lambda: kept(robot, "sensor_service")["oom_kills"] > kills, "the watchdog has recorded it", seconds)
    group = robot.cgroup(robot.pid("sensor_service")).rpartition("/")[0]  # the service's slice outlives the container
    counted = dict(line.split() for line in robot.run(f"cat {group}/memory.events").splitlines())
    assert int(counted["oom_kill"]) == kept(robot, "sensor_service")["oom_kills"] == kills + 1
    said = robot.run("dmesg | grep 'Memory cgroup out of memory'").splitlines()
    assert len(said) == kills + 1, "the kernel killed nothing else"
    assert robot.started_at("victoriametrics") == database
    assert robot.run("pidof -s dockerd") == engine
    assert robot.run("cat /proc/sys/kernel/random/boot_id") == boot
    assert robot.get("http://127.0.0.1:8428/health") == "OK"
    judged = playbook("playbooks/verify.yml")
    assert judged.returncode != 0
    assert "sensor_service: killed" in judged.stdout
    assert f"OOM-killed {kills + 1} time" in judged.stdout
