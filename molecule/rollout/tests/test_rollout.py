"""A bad version stops in the first wave, is put back, and reaches nobody else; robots that are silent stop nobody."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import power
import pytest

SERVICES = ("sensor_service", "victoriametrics")
# It becomes healthy, serves for 25 seconds and ends; with it another limit, which alone would be good.
BAD = {
    "sensor_service_image": "robot-stack-testbed/ending-sensor",
    "sensor_service_version": "2",
    "victoriametrics_memory_limit_mib": 60,
    "rollout_soak_seconds": 30,
}
ENDED = r"(killed|down) \("  # down: the gate has looked between two of its lives
NEVER_HEALTHY = {"victoriametrics_flags_extra": {"loggerTimezone": "No/Such"}, "sensor_service_memory_limit_mib": 40}


def settings(robot: Any) -> dict[str, list[Any]]:
    """How each container was made, and of which image; what is empty is written in another way after a restart."""
    found = {service: robot.inspect(service) for service in SERVICES}
    parts = ("Config", "HostConfig")
    made = {name: [{k: v for k, v in one[part].items() if v} for part in parts] for name, one in found.items()}
    return {name: [found[name]["Image"], *lists] for name, lists in made.items()}


def containers(robots: dict[str, Any]) -> dict[str, list[str]]:
    return {name: [robot.started_at(service) for service in SERVICES] for name, robot in robots.items()}


def oldest_sample(robot: Any) -> float:
    return float(robot.query("tfirst_over_time(node_load1[1h])")[0]["value"][1])


def run(playbook: Any, name: str, variables: dict[str, Any] | None = None, *more: str) -> Any:
    return playbook(f"playbooks/{name}.yml", "-e", json.dumps(variables or {}), *more)


@pytest.fixture
def silent_first(robots: dict[str, Any]) -> Iterator[Any]:
    """The first canary is switched off for a while."""
    robot = robots["first"]
    machine = f"testbed-{robot.variables['testbed_fleet']}-{robot.name}"
    subprocess.run(["docker", "kill", machine], check=True, capture_output=True)
    yield robot
    subprocess.run(["docker", "start", machine], check=True, capture_output=True)
    power.wait_until(robot, "systemctl is-system-running --wait | grep -qE 'running|degraded'")


def test_a_bad_version_stops_in_the_first_wave_and_is_put_back(robots: dict[str, Any], playbook: Any) -> None:
    robot, before = robots["first"], containers(robots)
    good, sample = settings(robot), oldest_sample(robot)
    done = run(playbook, "site", BAD)
    assert done.returncode != 0
    assert re.search(f"sensor_service: {ENDED}", done.stdout)
    assert "the lidar's calibration is missing" in done.stdout
    assert "not reached: second, third: the rollout stopped in wave 1" in done.stdout
    after = containers(robots)
    assert {name: after[name] for name in ("second", "third")} == {name: before[name] for name in ("second", "third")}
    assert after["first"] != before["first"], "the bad version never ran"
    assert settings(robot) == good
    assert oldest_sample(robot) == sample
    assert run(playbook, "verify").returncode == 0


def test_what_never_becomes_healthy_is_put_back_with_what_came_along(robots: dict[str, Any], playbook: Any) -> None:
    robot, before = robots["first"], containers(robots)
    good = settings(robot)
    done = run(playbook, "site", NEVER_HEALTHY)
    assert done.returncode != 0
    assert "victoriametrics: its container ended" in done.stdout
    assert "so that the whole robot is as it was" in done.stdout
    assert "not reached: second, third" in done.stdout
    after = containers(robots)
    assert after["first"][0] != before["first"][0], "the sensor service never got its new limit"
    assert settings(robot) == good
    assert (after["second"], after["third"]) == (before["second"], before["third"])


def test_one_failure_in_a_wave_stops_what_comes_after_and_keeps_who_passed(
    robots: dict[str, Any], playbook: Any
) -> None:
    before = containers(robots)
    bad_on_first = "{{ {'loggerTimezone': 'No/Such'} if inventory_hostname == 'first' else {} }}"
    waves = {"rollout_waves": [2, 1], "sensor_service_memory_limit_mib": 36}
    done = run(playbook, "site", {**waves, "victoriametrics_flags_extra": bad_on_first})
    assert done.returncode != 0
    assert "changed, and passed the gate: second" in done.stdout
    assert "not reached: third: the rollout stopped in wave 1" in done.stdout
    assert "why: first failed in wave 1, rollout_max_failures is 0" in done.stdout
    assert containers(robots)["third"] == before["third"]
    assert robots["first"].inspect("sensor_service")["HostConfig"]["Memory"] == 32 << 20
    assert robots["second"].inspect("sensor_service")["HostConfig"]["Memory"] == 36 << 20
    accepted = {**waves, "rollout_max_failures": 1}
    done = run(playbook, "site", {**accepted, "victoriametrics_flags_extra": bad_on_first})
    assert done.returncode != 0, "a failure that stops nothing must be told by the exit code all the same"
    assert "changed, and passed the gate: third" in done.stdout


def test_a_silent_canary_is_replaced_and_stops_nobody(silent_first: Any, robots: dict[str, Any], playbook: Any) -> None:
    others = {name: robot for name, robot in robots.items() if name != silent_first.name}
    before = containers(others)
    done = run(playbook, "site", BAD)
    assert done.returncode != 0
    assert re.search(f"second did not pass the gate: sensor_service: {ENDED}", done.stdout)
    assert "not reached: third" in done.stdout
    assert containers(others)["third"] == before["third"]
    good = run(playbook, "site", {"sensor_service_memory_limit_mib": 34})
    assert good.returncode != 0, "a robot that was not reached must be told by the exit code"
    assert "changed, and passed the gate: second, third" in good.stdout
    assert "first could not be reached" in good.stdout


def test_the_next_run_converges_who_was_silent(robots: dict[str, Any], playbook: Any) -> None:
    before = containers(robots)
    done = run(playbook, "site", {"sensor_service_memory_limit_mib": 34})
    assert done.returncode == 0, done.stdout
    assert "changed, and passed the gate: first" in done.stdout
    after = containers(robots)
    assert (after["second"], after["third"]) == (before["second"], before["third"])


def test_a_rollback_by_hand_goes_back_one_good_version(robots: dict[str, Any], playbook: Any) -> None:
    robot, before = robots["first"], containers(robots)
    planned = run(playbook, "rollback", None, "--limit", "first", "--check", "--diff")
    assert planned.returncode == 0, planned.stdout
    assert "+memory: 32.0 MiB" in planned.stdout
    assert containers(robots) == before
    done = run(playbook, "rollback", None, "--limit", "first")
    assert done.returncode == 0, done.stdout
    after = containers(robots)
    assert after["first"][0] != before["first"][0]
    assert after["first"][1] == before["first"][1]
    assert (after["second"], after["third"]) == (before["second"], before["third"])
    assert robot.inspect("sensor_service")["HostConfig"]["Memory"] == 32 << 20
    again = run(playbook, "rollback", None, "--limit", "first")
    assert again.returncode != 0
    assert "there is none to go back to" in " ".join(again.stdout.split())


@pytest.mark.parametrize("bad", [BAD, NEVER_HEALTHY], ids=["ends later", "never healthy"])
def test_a_first_deployment_that_fails_leaves_nothing_running(
    robots: dict[str, Any], playbook: Any, bad: dict[str, Any]
) -> None:
    robot = robots["third"]
    assert run(playbook, "remove", None, "--limit", "third").returncode == 0
    done = run(playbook, "site", bad, "--limit", "third")
    assert done.returncode != 0
    assert robot.run("docker ps -aq") == ""
    assert robot.run("ls /var/lib/robot-stack/victoriametrics/data") != "", "its data stays"


def test_a_run_that_was_cut_off_before_its_gate_is_judged_by_the_next(robots: dict[str, Any], playbook: Any) -> None:
    robot = robots["second"]
    for name in ("good-versions.json", "last-good.json"):  # the second is for earlier versions of the project
        forgotten = f"/var/lib/robot-stack/{name}"
        assert robot.run(f"stat -c '%a %U' {forgotten}") == "600 root"
        robot.run(f"rm {forgotten}")
    same = {"sensor_service_memory_limit_mib": 34}
    done = run(playbook, "site", same, "--limit", "second")
    assert done.returncode == 0, done.stdout
    assert "changed=0" in done.stdout
    assert "passed the gate: second" in done.stdout
    assert "to be judged" not in run(playbook, "site", same, "--limit", "second").stdout
