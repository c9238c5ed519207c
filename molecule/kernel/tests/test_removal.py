"""What a machine is after the stack has left it. Runs last, by its name."""

from __future__ import annotations

from typing import Any


def test_remove_leaves_the_robot_as_it_was_and_keeps_data(robot: Any, playbook: Any) -> None:
    done = playbook("playbooks/remove.yml", "-e", "remove_engine=true")
    assert done.returncode == 0, done.stdout
    for program in ("dockerd", "containerd"):
        assert robot.host.run(f"command -v {program}").rc != 0, program
    assert robot.run("systemctl list-units --all --no-legend 'robotstack*' 'robot-stack*'").strip() == ""
    assert robot.host.run("ls -d /sys/fs/cgroup/robotstack.slice").rc != 0
    assert not robot.host.file("/etc/docker/daemon.json").exists
    assert robot.host.file("/var/lib/robot-stack/victoriametrics/data").is_directory
