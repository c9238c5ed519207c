"""Work of Podman's that is cut off: its storage is full, it is killed, the power goes. One story, in order."""

from __future__ import annotations

import json
from typing import Any

import power
import pytest
from failures import answers
from interruption import Run, once_at_work
from quadlet import unit
from waiting import patience, until

SITE, IMAGE = "playbooks/site.yml", "robot-stack/sensor-service:0.1.0"
STORAGE, STAGING = "/var/lib/containers", "/var/lib/robot-stack/staging"
FULL = f"{STORAGE}/full"
MIB = 1024 * 1024
REFUSED_MIB, FULL_MIB = 12, 2  # what is left: less than an image is counted for, and less than one of its layers needs
BRINGS = "podma[n].* (pul[l]|loa[d]) "
LIMIT_MIB = 36  # 48 + 36 + 64 = 148 of 150
LARGER = ("-e", json.dumps({"sensor_service_memory_limit_mib": LIMIT_MIB}))
STARTS_IT = f"podma[n] ru[n] .*--memory={LIMIT_MIB * MIB}[b]"
PREVIOUS = "robot-stack-sensor_service.previous.container"


@pytest.fixture(scope="module")
def database(robots: dict[str, Any]) -> str:
    """Which life of its database it is, before anything happens."""
    (robot,) = robots.values()
    return str(robot.started_at("victoriametrics"))


@pytest.fixture(scope="module")
def without_image(robots: dict[str, Any], database: str) -> Any:
    """The robot, whose sensor service is stopped, and its image gone."""
    (robot,) = robots.values()
    # without its watchdog, which would start it again
    robot.run(f"systemctl stop robot-stack-watchdog.timer {unit('sensor_service')}")
    robot.run("podman system prune --all --force")
    assert robot.host.run(f"podman image exists {IMAGE}").rc != 0
    return robot


def filler(robot: Any, left_mib: int) -> str:
    """Return the command that fills Podman's disk but for so much."""
    free, size = map(int, robot.run(f"stat --file-system --format '%a %S' {STORAGE}").split())
    return f"fallocate --length {free * size - left_mib * MIB} {FULL}"


def failed(playbook: Any) -> str:
    """Deploy, which fails; return what was said, without the breaks of lines."""
    done = playbook(SITE)
    assert done.returncode != 0, done.stdout
    return " ".join(done.stdout.split())


def test_an_image_for_which_there_is_no_room_is_refused(without_image: Any, playbook: Any) -> None:
    without_image.run(filler(without_image, REFUSED_MIB))
    try:
        told = failed(playbook)
    finally:
        without_image.run(f"rm -f {FULL}")
    assert f"MiB of disk are free for {STORAGE}/storage, " in told, told


def test_a_storage_that_is_full_while_it_unpacks_is_told(without_image: Any, playbook: Any) -> None:
    """There was room when the run began, and somebody else took it once the image had arrived."""
    goes_on = f'pkill -CONT --full "{BRINGS}"'
    filled = once_at_work(without_image, BRINGS, "STOP", f"{filler(without_image, FULL_MIB)}; {goes_on}")
    try:
        told = failed(playbook)
        filled()
    finally:
        without_image.run(f"rm -f {FULL}")
    assert "no space left on device" in told, told
    assert "wants the whole archive" not in told
    assert without_image.host.run(f"podman image exists {IMAGE}").rc != 0, "nothing counts as there"
    assert without_image.host.run(f"ls {STAGING}").stdout == "", "nor does the archive take the room that there is"


def test_a_podman_that_is_killed_is_told_and_what_was_sent_stays(without_image: Any, playbook: Any) -> None:
    killed = once_at_work(without_image, BRINGS, "KILL")
    told = failed(playbook)
    killed()
    assert "killed by signal 9" in told, told
    assert without_image.host.run(f"podman image exists {IMAGE}").rc != 0
    assert without_image.run(f"ls {STAGING}").split(), "the next run need not send it again"


def test_the_next_run_makes_both_good_and_the_database_never_stopped(
    without_image: Any, playbook: Any, database: str
) -> None:
    done = playbook(SITE)
    assert done.returncode == 0, done.stdout
    assert f"sending {IMAGE}" not in done.stdout
    assert answers(without_image)
    assert without_image.host.run(f"ls {STAGING}").stdout == ""
    assert without_image.started_at("victoriametrics") == database


def test_power_that_is_cut_while_a_container_is_replaced_costs_one_run(robot: Any, playbook: Any) -> None:
    first = oldest(robot)
    frozen = once_at_work(robot, STARTS_IT, "STOP")
    run = Run(SITE, *LARGER)
    frozen()
    power.cut(robot)
    assert run.ended() != 0, run.told()
    power.wait_until(robot, "systemctl is-system-running --wait | grep -qE 'running|degraded'")
    assert PREVIOUS in robot.run("ls /etc/containers/robot-stack"), "it was cut off in the middle"
    until(lambda: answers(robot), "one of the two serves, without anybody's help", patience(robot))
    done = playbook(SITE, *LARGER)
    assert done.returncode == 0, done.stdout
    limit = LIMIT_MIB * MIB
    assert robot.limits(robot.cgroup(robot.pid("sensor_service"))) == (limit, limit)
    assert PREVIOUS not in robot.host.run("ls /etc/containers/robot-stack").stdout
    assert oldest(robot) == first


def oldest(robot: Any) -> str:
    """Return when the first sample is from that the database has."""
    return str(robot.query("tfirst_over_time(node_load1[6h])")[0]["value"][1])
