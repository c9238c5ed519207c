"""A version that ends after some seconds of good service is put back; what is sent of its image is what differs."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace
from typing import Any

import pytest

IMAGE = "robot-stack-testbed/ending-sensor:2"
BAD = {
    "sensor_service_image": IMAGE.partition(":")[0],
    "sensor_service_version": IMAGE.partition(":")[2],
    "sensor_service_memory_limit_mib": 36,
    "rollout_soak_seconds": 30,
}
# Found by the gate, or, where the emulated machine was slower than the image's good seconds, by the run itself.
ENDED = r"sensor_service: (killed \(|down \(|its container ended)"
LARGEST_KB = 60  # the layers that the robot has would be 7,000


@pytest.fixture(scope="module")
def tried(robots: dict[str, Any], playbook: Any) -> SimpleNamespace:
    """What ran before, what the run said, and what ran after it."""
    (robot,) = robots.values()
    before = robot.inspect("sensor_service")["Image"], robot.started_at("victoriametrics")
    done = playbook("playbooks/site.yml", "-e", json.dumps(BAD))
    after = robot.inspect("sensor_service")["Image"], robot.started_at("victoriametrics")
    return SimpleNamespace(before=before, done=done, after=after)


def test_it_is_put_back_and_the_run_fails_with_its_last_words(tried: SimpleNamespace) -> None:
    assert tried.done.returncode != 0, tried.done.stdout
    assert re.search(ENDED, tried.done.stdout), tried.done.stdout
    assert "the lidar's calibration is missing" in tried.done.stdout
    assert tried.after == tried.before, "the image before it runs again, and the database never stopped"


def test_of_a_changed_application_layer_that_layer_is_sent(tried: SimpleNamespace) -> None:
    (size, unit), *more = re.findall(rf"sending {re.escape(IMAGE)} \(([0-9.]+) (KB|MB)", tried.done.stdout)
    assert not more, "it was sent once"
    assert float(size) * (1000 if unit == "MB" else 1) <= LARGEST_KB
