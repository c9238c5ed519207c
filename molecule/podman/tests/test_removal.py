"""What a machine is after the stack has left it, and then its engine. Runs last, by its name."""

from __future__ import annotations

from typing import Any

DATA = "/var/lib/robot-stack/victoriametrics/data"


def who_holds(robot: Any) -> str:
    """Return what Podman, its storage and the stack's record still know of, for the words of a failure."""
    storage = "/var/lib/containers/storage"
    asked = (
        "podman ps --all --external",
        "podman images --all --no-trunc",
        f"cat {storage}/overlay-containers/containers.json",
        f"cat {storage}/overlay-images/images.json",
        "cat /var/lib/robot-stack/state.json",
    )
    return "\n".join(f"{words}:\n{robot.host.run(words).stdout}" for words in asked)


def test_removal_leaves_no_unit_container_image_or_slice_and_keeps_data(robot: Any, playbook: Any) -> None:
    done = playbook("playbooks/remove.yml")
    assert done.returncode == 0, done.stdout
    assert robot.run("find /etc /run/systemd /usr/local -name '*robot*stack*'").strip() == ""
    assert robot.run("systemctl list-units --all --no-legend 'robotstack*' 'robot-stack*'").strip() == ""
    left = robot.run("podman container ls --all --quiet; podman image ls --all --quiet; podman volume ls --quiet")
    assert left == "", f"{who_holds(robot)}\n{done.stdout}"
    assert robot.host.run("ls -d /sys/fs/cgroup/robotstack.slice").rc != 0
    assert robot.host.file(DATA).is_directory


def test_its_engine_leaves_when_that_is_asked_for(robot: Any, playbook: Any) -> None:
    done = playbook("playbooks/remove.yml", "-e", "remove_engine=true", "-e", "remove_data=true")
    assert done.returncode == 0, done.stdout
    for program in ("podman", "conmon", "crun"):
        assert robot.host.run(f"command -v {program}").rc != 0, program
    assert not robot.host.file("/var/lib/containers/storage").exists
    assert not robot.host.file(DATA).exists
