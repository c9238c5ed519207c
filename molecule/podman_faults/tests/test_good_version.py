"""Another version that is good is kept, and a rollback goes back from it. After all others, by its name."""

from __future__ import annotations

import json
from typing import Any

from failures import answers

# The product's own image: every layer of it is below those that the robot has.
GOOD = {"sensor_service_image": "robot-stack/sensor-service", "sensor_service_version": "0.1.0"}


def image(robot: Any) -> str:
    """Return the id of the image that the sensor service runs."""
    return str(robot.inspect("sensor_service")["Image"])


def test_a_good_version_is_kept_and_a_rollback_goes_back_from_it(robot: Any, playbook: Any) -> None:
    before, database = image(robot), robot.started_at("victoriametrics")
    kept = playbook("playbooks/site.yml", "-e", json.dumps(GOOD))
    assert kept.returncode == 0, kept.stdout
    assert "changed, and passed the gate: shaken" in kept.stdout
    assert image(robot) != before
    assert answers(robot)
    back = playbook("playbooks/rollback.yml")
    assert back.returncode == 0, back.stdout
    assert image(robot) == before
    assert answers(robot)
    assert robot.started_at("victoriametrics") == database, "it had no part in either"


def test_nothing_differs_afterwards(playbook: Any) -> None:
    """What the inventory declares is what runs again, and its containers are new: no earlier end counts."""
    done = playbook("playbooks/verify.yml")
    assert done.returncode == 0, done.stdout
    assert "differs" not in done.stdout
