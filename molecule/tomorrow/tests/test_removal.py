"""What a machine is after the stack and its engine have left it. Runs last, by its name."""

from __future__ import annotations

from typing import Any

from engines import PODMAN, PROGRAMS


def test_nothing_is_left_but_data(robot: Any, playbook: Any) -> None:
    done = playbook("playbooks/remove.yml", "-e", "remove_engine=true", *PODMAN)
    assert done.returncode == 0, done.stdout
    for program in (*PROGRAMS["docker"], *PROGRAMS["podman"]):
        assert robot.host.run(f"command -v {program}").rc != 0, program
    assert robot.run("systemctl list-units --all --no-legend 'robotstack*' 'robot-stack*'").strip() == ""
    assert robot.run("find /etc /run/systemd /usr/local -name '*robot*stack*'").strip() == ""
    assert robot.host.run("ls -d /sys/fs/cgroup/robotstack.slice").rc != 0
    assert robot.host.file("/var/lib/robot-stack/victoriametrics/data").is_directory
