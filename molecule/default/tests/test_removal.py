"""What a robot is after somebody changed it by hand, and after the stack has left it. Runs last."""

from __future__ import annotations

from typing import Any

SPARE = "iproute2"  # any package that is there and that no other one needs


def test_verify_fails_where_a_limit_was_raised_by_hand(robot: Any, playbook: Any) -> None:
    robot.run("docker update --memory 64m --memory-swap 64m robot-stack-sensor_service")
    done = playbook("playbooks/verify.yml")
    assert done.returncode != 0
    assert "declared are 32.0 MiB" in done.stdout
    healed = playbook("playbooks/site.yml")
    assert healed.returncode == 0, healed.stdout
    assert robot.limits(robot.cgroup(robot.pid("sensor_service")))[0] == 32 * 1024 * 1024


def installed(robot: Any, package: str) -> bool:
    return str(robot.host.run(f"dpkg-query -W -f '${{db:Status-Abbrev}}' {package}").stdout).startswith("ii")


def test_remove_leaves_the_robot_as_it_was_and_keeps_data(robot: Any, playbook: Any) -> None:
    robot.run(f"apt-mark auto {SPARE}")
    assert f"Remv {SPARE} " in robot.run("apt-get --simulate autoremove"), "nobody needs it"
    assert installed(robot, SPARE)
    assert installed(robot, "containerd")
    done = playbook("playbooks/remove.yml", "-e", "remove_engine=true")
    assert done.returncode == 0, done.stdout
    assert robot.host.run("pidof dockerd").rc != 0
    assert not installed(robot, "containerd"), "what came along with the engine goes with it"
    assert installed(robot, SPARE), "what nobody needed before is not ours to remove"
    assert not robot.host.file("/etc/docker/daemon.json").exists
    assert robot.run("systemctl list-units --all --no-legend 'robotstack*'").strip() == ""
    assert robot.host.file("/var/lib/robot-stack/victoriametrics/data").is_directory
    back = playbook("playbooks/site.yml")
    assert back.returncode == 0, back.stdout
