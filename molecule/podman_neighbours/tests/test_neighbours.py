"""Others on the same Podman: their containers, their units of the same names, hands that clear its storage.

After test_interrupted.py, by its name: what that has deployed last is found again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from failures import answers
from quadlet import UNITS, process
from waiting import patience, until

DEPLOYED = ("-e", json.dumps({"sensor_service_memory_limit_mib": 36}))
THEIRS = "theirs"
IMAGE = "robot-stack/sensor-service:0.1.0"
CONTAINER = f"""[Container]
Image=localhost/{IMAGE}
ContainerName={THEIRS}
Network=none
Pull=never
Exec=infinity
PodmanArgs=--entrypoint=/bin/sleep
"""
# Of the person who logs in: a unit and a Quadlet with the names of ours, and a systemd of that person's to read them.
# It is started by hand: the robot has no log-in manager that would.
NOISE = r"""
home=$(getent passwd operator | cut -d: -f6)
run="/run/user/$(id -u operator)"
sudo -u operator mkdir -p "$home/.config/systemd/user" "$home/.config/containers/systemd"
printf '[Service]\nExecStart=/bin/sleep infinity\n' |
  sudo -u operator tee "$home/.config/systemd/user/robot-stack-sensor_service.service" >/dev/null
printf '[Container]\nImage=theirs\n' |
  sudo -u operator tee "$home/.config/containers/systemd/robot-stack-victoriametrics.container" >/dev/null
install -d -o operator -m 0700 "$run"
systemd-run --quiet --collect --unit theirs-session --property User=operator --property Delegate=yes \
  --property Type=notify --setenv "XDG_RUNTIME_DIR=$run" /usr/lib/systemd/systemd --user
sudo -u operator env "XDG_RUNTIME_DIR=$run" systemctl --user start robot-stack-sensor_service.service
"""
QUIET = r"""
systemctl stop theirs-session
rm -r "$(getent passwd operator | cut -d: -f6)/.config" "/run/user/$(id -u operator)"
"""
# Each would be started in place of one of ours, or refused for its name.
USURPERS = (
    "/run/containers/systemd/robot-stack-sensor_service.container",
    f"{UNITS}/robot-stack-victoriametrics.kube",
)


@pytest.fixture
def all_run_on(robot: Any) -> Iterator[None]:
    """Beside ours a container of somebody else's, by a Quadlet of theirs. Whatever is done, none starts anew."""
    until(lambda: answers(robot), "it serves", patience(robot))
    robot.run(f"printf '%s' '{CONTAINER}' >{UNITS}/{THEIRS}.container && systemctl daemon-reload")
    try:
        robot.run(f"systemctl start {THEIRS}.service || {{ journalctl --no-pager --unit {THEIRS} >&2; exit 1; }}")
        before = lives(robot)
        yield
        assert lives(robot) == before
    finally:  # or it would be in the way of whatever comes next
        robot.run(f"systemctl stop {THEIRS}.service; rm {UNITS}/{THEIRS}.container; systemctl daemon-reload")


def lives(robot: Any) -> list[str]:
    """What tells one life of a container from the next: of theirs, and of each of ours."""
    theirs = robot.run(f"podman container inspect --format '{{{{.State.Pid}}}}' {THEIRS}").strip()
    return [theirs, *(robot.started_at(service) for service in robot.services)]


@pytest.mark.usefixtures("all_run_on")
def test_neither_another_users_units_nor_a_cleared_storage_are_anything_to_what_runs(robot: Any, playbook: Any) -> None:
    robot.run("podman system prune --all --force --volumes")
    robot.run(NOISE)
    try:
        done = playbook("playbooks/site.yml", *DEPLOYED)
    finally:
        robot.run(QUIET)
    assert done.returncode == 0, done.stdout
    assert "Nothing changed." in done.stdout, done.stdout


@pytest.mark.usefixtures("all_run_on")
def test_what_would_be_started_in_place_of_ours_is_refused_by_its_path(robot: Any, playbook: Any) -> None:
    for path in USURPERS:
        robot.run(f"mkdir -p {path.rpartition('/')[0]} && printf '[Container]\\nImage=theirs\\n' >{path}")
    try:
        done = playbook("playbooks/site.yml", *DEPLOYED)
    finally:
        robot.run(f"rm {' '.join(USURPERS)}")
    assert done.returncode != 0
    told = " ".join(done.stdout.split())
    for path in USURPERS:
        assert f"{path} is not this project's: move it away" in told, done.stdout


def test_all_containers_come_back_that_podman_has_stopped_for_its_migration(robot: Any, playbook: Any) -> None:
    before = {service: process(robot, service) for service in robot.services}
    robot.host.run("podman system migrate")  # what is removed as it stops may be missed by it: no matter here

    def is_back() -> bool:
        return answers(robot) and all(process(robot, service) not in (0, pid) for service, pid in before.items())

    until(is_back, "systemd has started them again", patience(robot))
    told = playbook("playbooks/verify.yml", *DEPLOYED).stdout
    assert "it ended with exit code 0" in told, told
    assert "differs" not in told
