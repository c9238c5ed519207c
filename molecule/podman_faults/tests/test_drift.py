"""Somebody edits a unit, masks another, clears Podman's storage while a service is stopped: told, and mended.

That nothing differs afterwards, the verification at the end of test_good_version.py says.
"""

from __future__ import annotations

from typing import Any

from failures import answers
from quadlet import UNITS, unit

WRITTEN = f"{UNITS}/robot-stack-sensor_service.container"
IMAGE = "robot-stack-testbed/faulty-sensor:1"


def test_what_was_changed_by_hand_is_told_and_mended(robot: Any, playbook: Any) -> None:
    database = robot.started_at("victoriametrics")
    # without its watchdog, which would start it again
    robot.run(f"systemctl stop robot-stack-watchdog.timer {unit('sensor_service')}")
    robot.run("podman system prune --all --force")
    assert robot.host.run(f"podman image exists {IMAGE}").rc != 0
    robot.run(f"printf '[Container]\\nEnvironment=DEBUG=1\\n' >>{WRITTEN}")
    robot.run(f"systemctl mask {unit('victoriametrics')}")
    told = playbook("playbooks/verify.yml")
    assert told.returncode != 0
    assert "shaken differs from its declaration:" in told.stdout
    assert f"load image {IMAGE}" in told.stdout
    assert "recreate container robot-stack-sensor_service" in told.stdout
    assert f"{unit('victoriametrics')} is masked" in told.stdout
    mended = playbook("playbooks/site.yml")
    assert mended.returncode == 0, mended.stdout
    assert answers(robot)
    assert robot.host.run(f"grep DEBUG {WRITTEN}").rc != 0
    assert robot.host.run(f"systemctl is-enabled {unit('victoriametrics')}").stdout.strip() == "generated"
    assert robot.started_at("victoriametrics") == database, "its unit is free again, and it went on running"
