"""Runs that are cut off anywhere: the next one repairs, nothing is left behind, no sample is lost."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import delivery
import interruption
import power
import pytest
from delivery import MIB, STAGING
from interruption import Run, in_machine, machine, next_event

SITE = "playbooks/site.yml"
SENSOR_ONLY, DATABASE_ONLY = ("--tags", "sensor_service"), ("--tags", "victoriametrics")
BYTES_PER_SECOND = 400_000  # an image takes many seconds: time enough to be in the middle of it
FREEZE_ENGINE = "kill -STOP $(pidof dockerd)"  # so that it is still at it when the power goes


@pytest.fixture(scope="module")
def cutoff(robots: dict[str, Any]) -> Any:
    """The robot to which it happens; it holds a sample that must be there in the end."""
    return with_sample(robots["cutoff"])


def with_sample(robot: Any) -> Any:
    code = (
        "import urllib.request as u; "
        "u.urlopen('http://127.0.0.1:8428/api/v1/import/prometheus', b'written_before 42\\n'); "
        "u.urlopen('http://127.0.0.1:8428/internal/force_flush')"
    )
    robot.run(f'python3 -c "{code}"')
    assert kept(robot)
    return robot


def kept(robot: Any) -> bool:
    found = robot.query("last_over_time(written_before[1h])")
    return [series["value"][1] for series in found] == ["42"]


def limits(sensor: int, database: int) -> tuple[str, str]:
    declared = {"sensor_service_memory_limit_mib": sensor, "victoriametrics_memory_limit_mib": database}
    return "-e", json.dumps(declared)


def containers(robot: Any) -> list[str]:
    return sorted(robot.run("docker ps -a --format '{{.Names}}'").split())


def repaired(robot: Any, playbook: Any, *arguments: str) -> str:
    """Run again: it converges, leaves nothing of what was cut off, keeps the sample, and a third run does nothing."""
    done = playbook(SITE, *arguments)
    assert done.returncode == 0, done.stdout
    assert containers(robot) == ["robot-stack-sensor_service", "robot-stack-victoriametrics"]
    assert robot.run("docker images --all --filter dangling=true --quiet") == ""
    assert robot.host.run(f"ls -A {STAGING}").stdout == ""
    assert robot.run("find /var/lib/docker/tmp -mindepth 1") == ""
    assert robot.run("find /var/lib/robot-stack /etc -name data -prune -o -name '.robot-stack-*' -print") == ""
    assert len(robot.run("find /var/lib/robot-stack/*/config -mindepth 1 -maxdepth 1").split()) == 1
    assert kept(robot)
    again = playbook(SITE, *arguments)
    assert again.returncode == 0, again.stdout
    assert "Nothing changed." in again.stdout
    return str(done.stdout)


def limits_hold(robot: Any, sensor: int, database: int) -> bool:
    found = [robot.limits(robot.cgroup(robot.pid(service)))[0] for service in ("sensor_service", "victoriametrics")]
    return found == [sensor * MIB, database * MIB]


def test_a_controller_that_is_killed_while_it_sends_an_image(cutoff: Any, playbook: Any) -> None:
    delivery.removed(cutoff, playbook)
    archive = delivery.archive()
    whole = archive.path.stat().st_size
    part = f"{STAGING}/{archive.path.name}"

    def arrived() -> int:
        return int(in_machine(cutoff, f"stat -c %s {part} 2>/dev/null") or 0)

    slow = f"python3 {Path(__file__).parents[1]}/slow_link.py %h %p {BYTES_PER_SECOND}"
    link = {"ansible_ssh_args": f"-o ControlPath=none -o ProxyCommand='{slow}'"}
    run = Run(SITE, "--limit", cutoff.name, *SENSOR_ONLY, "-e", json.dumps(link))
    interruption.wait_for(lambda: arrived() > whole // 2, "half of the image has arrived")
    run.kill()
    there = arrived()
    assert whole // 2 < there < whole
    assert containers(cutoff) == []
    assert cutoff.run("docker images --all --quiet") == ""
    sent, told = delivery.deployed(cutoff, playbook, *SENSOR_ONLY)
    assert "going on at" in told
    assert whole - there < sent < whole, "only what was missing went over the wire"
    repaired(cutoff, playbook)


def test_a_controller_that_is_killed_while_containers_are_replaced(cutoff: Any, playbook: Any) -> None:
    with next_event(cutoff, "rename") as renamed:
        run = Run(SITE, "--limit", cutoff.name, *limits(36, 60))
        renamed()
        run.kill()
    repaired(cutoff, playbook, *limits(36, 60))
    assert limits_hold(cutoff, 36, 60)


def test_a_connection_that_is_cut_while_containers_are_replaced(cutoff: Any, playbook: Any) -> None:
    with next_event(cutoff, "rename") as renamed:
        run = Run(SITE, "--limit", cutoff.name, *limits(38, 64))
        renamed()
        assert in_machine(cutoff, "pkill -KILL -f '^sshd: operator' && echo cut") == "cut\n"
        assert run.ended() != 0, run.told()
    assert "cutoff could not be reached: " in run.told()
    repaired(cutoff, playbook, *limits(38, 64))
    assert limits_hold(cutoff, 38, 64)


def test_a_robot_that_loses_its_power_while_an_image_is_loaded(cutoff: Any, playbook: Any) -> None:
    delivery.removed(cutoff, playbook)
    run = Run(SITE, "--limit", cutoff.name, *DATABASE_ONLY)
    loading = "until ls /var/lib/docker/tmp/docker-import-* >/dev/null 2>&1; do sleep 0.01; done"
    assert in_machine(cutoff, f"{loading}; {FREEZE_ENGINE}; echo loading") == "loading\n"
    power.cut(cutoff)
    assert run.ended() != 0, run.told()
    power.wait_until(cutoff, "docker info")
    assert cutoff.run("docker images --quiet") == "", "it was cut off before the image was there"
    whole = int(cutoff.run(f"du -bc {STAGING}/* | tail -n 1").split()[0])
    sent, _ = delivery.deployed(cutoff, playbook, *DATABASE_ONLY)
    assert sent < whole, "the archive had arrived, and was not sent again"
    repaired(cutoff, playbook)


def test_a_robot_that_loses_its_power_while_containers_are_replaced(cutoff: Any, playbook: Any) -> None:
    # frozen, since a container is replaced sooner than word of it gets here on a busy machine
    with next_event(cutoff, "rename", FREEZE_ENGINE) as renamed:
        run = Run(SITE, "--limit", cutoff.name, *limits(36, 60))
        renamed()
        power.cut(cutoff)
    assert run.ended() != 0, run.told()
    power.wait_until(cutoff, "docker info")
    assert "robot-stack-sensor_service.previous" in containers(cutoff), "it was cut off in the middle"
    told = repaired(cutoff, playbook, *limits(36, 60))
    assert "was interrupted" in told or "repair container" in told
    assert limits_hold(cutoff, 36, 60)


def test_a_robot_that_dies_does_not_stop_the_others(robots: dict[str, Any], cutoff: Any, playbook: Any) -> None:
    other = robots["other"]
    with next_event(cutoff, "rename") as renamed:
        run = Run(SITE, *limits(40, 64))
        renamed()
        subprocess.run(["docker", "kill", machine(cutoff)], check=True, capture_output=True)
    assert run.ended() != 0, run.told()
    told = run.told()
    assert "cutoff could not be reached: " in told
    assert limits_hold(other, 40, 64)
    before = [other.started_at(service) for service in ("sensor_service", "victoriametrics")]
    subprocess.run(["docker", "start", machine(cutoff)], check=True, capture_output=True)
    power.wait_until(cutoff, "docker info")
    repaired(cutoff, playbook, *limits(40, 64))
    assert limits_hold(cutoff, 40, 64)
    assert [other.started_at(service) for service in ("sensor_service", "victoriametrics")] == before


def test_a_robot_that_loses_its_power_while_its_engine_is_installed(robots: dict[str, Any], playbook: Any) -> None:
    other = with_sample(robots["other"])
    done = playbook("playbooks/remove.yml", "--limit", other.name, "-e", "remove_engine=true")
    assert done.returncode == 0, done.stdout
    run = Run(SITE, "--limit", other.name)
    half = "grep -A 1 '^Package: docker.io$' /var/lib/dpkg/status | grep -qE 'half-installed|unpacked|half-configured'"
    # between two runs of dpkg, the first of which has written everything down, apt itself goes on without a word
    writes = "ls /var/lib/dpkg/updates | grep -q '^[0-9]'"
    stopped = f"{half} && pkill -STOP dpkg && {half} && {writes}"
    assert in_machine(other, f"until {stopped}; do pkill -CONT dpkg; sleep 0.05; done; echo half") == "half\n"
    power.cut(other)
    assert run.ended() != 0, run.told()
    power.wait_until(other, "true")
    assert "docker.io" in other.run("dpkg --audit"), "it was cut off in the middle"
    told = repaired(other, playbook)
    assert "an installation was interrupted" in told
    assert other.run("dpkg --audit") == ""
