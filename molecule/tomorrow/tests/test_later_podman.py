"""The same robot with the Podman of Debian testing. After the tests of Docker, by its name."""

from __future__ import annotations

import time
from typing import Any

from comes_back import comes_back_with_its_samples
from engines import PODMAN, has_only, holds, site, stays, with_podman
from kept import history


def test_docker_becomes_podman_and_every_sample_stays(robot: Any, playbook: Any) -> None:
    assert robot.query("up offset 100s"), "it has a past"
    moment = time.time() - 35  # what is newer the database still works on
    kept = history(robot, moment)
    assert kept.count("timestamps") >= 4
    site(playbook, *PODMAN)
    podman = with_podman(robot)
    has_only(podman, "podman")
    holds(podman)
    assert podman.query("up"), "it answers again"
    assert history(podman, moment) == kept
    stays(podman, playbook, *PODMAN)


def test_it_comes_back_by_itself_after_a_power_cut(robot: Any) -> None:
    comes_back_with_its_samples(with_podman(robot))
