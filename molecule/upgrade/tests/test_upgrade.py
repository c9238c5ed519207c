"""Another version of VictoriaMetrics keeps the samples; one that cannot read them is put back. One story, in order."""

from __future__ import annotations

import re
import time
from typing import Any

from kept import DATABASE, history, value, write

OLD, NEW, INCOMPATIBLE = "v1.136.23", "v1.148.8", "v1.132.0"
PUT_BACK = "the last good container was put back"


def deployed(playbook: Any, *arguments: str) -> tuple[int, str]:
    words = (word for argument in arguments for word in ("-e", argument))
    done = playbook("playbooks/site.yml", *words)
    return done.returncode, done.stdout + done.stderr


def version(robot: Any) -> str:
    (found,) = re.findall(r'^vm_app_version\{.*short_version="(.*?)"', robot.get(f"{DATABASE}/metrics"), re.MULTILINE)
    return str(found)


def is_as_before(robot: Any, playbook: Any, before: str, moment: float, kept: str) -> None:
    """The version that ran, runs again; nothing is lost, and nothing is left of the other one."""
    assert robot.started_at("victoriametrics").split()[1] == before
    assert robot.query("up"), "it answers again"
    assert history(robot, moment) == kept
    assert value(robot, "kept_by_the_old_one") == value(robot, "kept_by_the_new_one") == "42"
    code, told = deployed(playbook, f"victoriametrics_version={NEW}")
    assert code == 0, told
    assert "Nothing changed." in told
    assert robot.run("docker ps -aq | wc -l").strip() == "2"


def test_an_upgrade_keeps_every_sample_and_restarts_nothing_else(robot: Any, playbook: Any) -> None:
    assert robot.query("up offset 40s"), "it has run for a while"
    write(robot, "kept_by_the_old_one")
    sensor, moment = robot.started_at("sensor_service"), time.time() - 35
    kept = history(robot, moment)
    assert kept.count("timestamps") >= 4
    code, told = deployed(playbook, f"victoriametrics_version={NEW}")
    assert code == 0, told
    assert version(robot) == NEW
    assert value(robot, "kept_by_the_old_one") == "42"
    assert history(robot, moment) == kept
    assert robot.started_at("sensor_service") == sensor


def test_a_downgrade_keeps_every_sample(robot: Any, playbook: Any) -> None:
    write(robot, "kept_by_the_new_one")
    code, told = deployed(playbook)
    assert code == 0, told
    assert version(robot) == OLD
    assert value(robot, "kept_by_the_old_one") == value(robot, "kept_by_the_new_one") == "42"
    code, told = deployed(playbook, f"victoriametrics_version={NEW}")
    assert code == 0, told


def test_a_version_that_says_that_it_cannot_read_the_samples_is_put_back(robot: Any, playbook: Any) -> None:
    moment, before = time.time() - 35, robot.started_at("victoriametrics").split()[1]
    kept = history(robot, moment)
    refusing = "victoriametrics_image=robot-stack-testbed/refusing-database"
    code, told = deployed(playbook, refusing, "victoriametrics_version=1")
    assert code != 0
    assert PUT_BACK in told
    assert "was written by a later version" in told, "its last words are told"
    is_as_before(robot, playbook, before, moment, kept)


def test_a_version_that_is_healthy_and_finds_nothing_is_put_back(robot: Any, playbook: Any) -> None:
    """The real thing: /health answers 200, and no query finds a sample that a later version wrote."""
    assert robot.query("up offset 40s")
    moment, before = time.time() - 35, robot.started_at("victoriametrics").split()[1]
    kept = history(robot, moment)
    code, told = deployed(playbook, f"victoriametrics_version={INCOMPATIBLE}")
    assert code != 0
    assert "it is healthy and does not find what was kept before" in told
    assert PUT_BACK in told
    is_as_before(robot, playbook, before, moment, kept)
