"""Others on the same Podman: their containers, their units of the same names, hands that clear its storage."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from failures import answers
from quadlet import UNITS, process, unit
from waiting import patience, until

THEIRS = "theirs"
IMAGE = "robot-stack-testbed/faulty-sensor:1"
CONTAINER = f"""[Container]
Image=localhost/{IMAGE}
ContainerName={THEIRS}
Network=none
Pull=never
Exec=infinity
PodmanArgs=--entrypoint=/bin/sleep
"""
# of the person who logs in: a unit and a Quadlet with the names of ours
NOISE = r"""
home=$(getent passwd operator | cut -d: -f6)
sudo -u operator mkdir -p "$home/.config/systemd/user" "$home/.config/containers/systemd"
printf '[Service]\nExecStart=/bin/sleep infinity\n' |
  sudo -u operator tee "$home/.config/systemd/user/robot-stack-sensor_service.service" >/dev/null
printf '[Container]\nImage=theirs\n' |
  sudo -u operator tee "$home/.config/containers/systemd/robot-stack-victoriametrics.container" >/dev/null
systemctl start "user@$(id -u operator).service"
sudo -u operator env XDG_RUNTIME_DIR="/run/user/$(id -u operator)" \
  systemctl --user start robot-stack-sensor_service.service
"""
QUIET = r"""
systemctl stop "user@$(id -u operator).service"
rm -r "$(getent passwd operator | cut -d: -f6)/.config"
"""


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
    finally:  # the removal of the engine, which comes later, is refused while theirs is there
        robot.run(f"systemctl stop {THEIRS}.service; rm {UNITS}/{THEIRS}.container; systemctl daemon-reload")


def lives(robot: Any) -> list[str]:
    """What tells one life of a container from the next: of theirs, and of each of ours."""
    theirs = robot.run(f"podman container inspect --format '{{{{.State.Pid}}}}' {THEIRS}").strip()
    return [theirs, *(robot.started_at(service) for service in robot.services)]


def is_as_declared(playbook: Any) -> None:
    """Say that a run finds nothing to do; its verdicts are about what earlier tests did to the services."""
    done = playbook("playbooks/site.yml")
    assert done.returncode == 0, done.stdout
    assert " changed=0 " in done.stdout, done.stdout


@pytest.mark.usefixtures("all_run_on")
def test_units_of_the_same_names_of_another_user_are_nothing_to_ours(robot: Any, playbook: Any) -> None:
    robot.run(NOISE)
    try:
        is_as_declared(playbook)
    finally:
        robot.run(QUIET)


@pytest.mark.usefixtures("all_run_on")
@pytest.mark.parametrize("path", ["/run/containers/systemd/{}.container", "/etc/containers/systemd/{}.kube"])
def test_a_quadlet_that_would_count_before_ours_is_refused_by_name(robot: Any, playbook: Any, path: str) -> None:
    path = path.format("robot-stack-sensor_service")
    robot.run(f"mkdir -p {path.rpartition('/')[0]} && printf '[Container]\\nImage=theirs\\n' >{path}")
    try:
        done = playbook("playbooks/site.yml")
        assert done.returncode != 0
        assert f"{path} is not this project's: move it away" in done.stdout
    finally:
        robot.run(f"rm {path}")


@pytest.mark.usefixtures("all_run_on")
def test_a_cleared_storage_takes_nothing_that_runs(robot: Any, playbook: Any) -> None:
    robot.run("podman system prune --all --force --volumes")
    is_as_declared(playbook)


def test_all_containers_come_back_that_podman_has_stopped_for_its_migration(robot: Any, playbook: Any) -> None:
    before = {service: process(robot, service) for service in robot.services}
    robot.run("podman system migrate")

    def is_back() -> bool:
        return answers(robot) and all(process(robot, service) not in (0, pid) for service, pid in before.items())

    until(is_back, "systemd has started them again", patience(robot))
    assert "it ended with exit code 0" in playbook("playbooks/verify.yml").stdout
    is_as_declared(playbook)


def test_an_image_without_room_is_refused_and_a_podman_that_is_killed_is_told_and_made_good(
    robot: Any, playbook: Any
) -> None:
    database = robot.started_at("victoriametrics")
    # without its watchdog, which would start it again
    robot.run(f"systemctl stop robot-stack-watchdog.timer {unit('sensor_service')}")
    robot.run("podman system prune --all --force")
    free = int(robot.run("df --output=avail --block-size=1M / | tail -1"))
    robot.run(f"fallocate --length {free - 12}MiB /var/tmp/full")
    try:
        done = playbook("playbooks/site.yml")
    finally:
        robot.run("rm /var/tmp/full")
    assert done.returncode != 0
    assert "MiB of disk are free" in done.stdout, done.stdout
    # letters in brackets, so that the line does not find the shell that says it
    robot.run(
        "systemd-run --quiet --unit kills-podman --property RuntimeMaxSec=900 --property RemainAfterExit=yes "
        "/bin/sh -c 'until pkill -KILL --full \"podma[n].* (pul[l]|loa[d]) \"; do sleep 0.05; done'"
    )
    done = playbook("playbooks/site.yml")
    killed = robot.run("systemctl show --property SubState,Result kills-podman").split()
    robot.run("systemctl stop kills-podman")
    assert sorted(killed) == ["Result=success", "SubState=exited"], f"one was killed:\n{done.stdout}"
    assert "killed by signal 9" in done.stdout, done.stdout
    assert done.returncode == 0, done.stdout
    assert answers(robot)
    assert robot.started_at("victoriametrics") == database
