"""A robot goes from Docker to Podman and back: no sample is lost, and the engine before leaves. One story, in order."""

from __future__ import annotations

import json
import time
from types import SimpleNamespace
from typing import Any

import power
import pytest
from comes_back import is_back
from engines import PODMAN, has_only, holds, site, stays, with_podman
from interruption import Run, wait_for
from kept import DATABASE, history, value, write
from waiting import patience, until

SCRAPED_SECONDS = 5  # victoriametrics_scrape_interval


def past(robot: Any, name: str) -> SimpleNamespace:
    """Write a sample, and note what has been scraped: a minute of it, which no change of engine may alter."""
    until(lambda: robot.query_now("up offset 100s"), "it has a past", patience(robot))
    write(robot, name)
    moment = time.time() - 35  # what is newer the database still works on
    kept = history(robot, moment)
    assert kept.count("timestamps") >= 4, "both targets' series are among it"
    return SimpleNamespace(name=name, moment=moment, history=kept)


def is_kept(robot: Any, before: SimpleNamespace) -> None:
    assert robot.query("up"), "it answers again"
    assert history(robot, before.moment) == before.history
    assert value(robot, before.name) == "42"


def scraped(robot: Any, since: float) -> list[float]:
    """When the robot was scraped since a moment (seconds since 1970), in order."""
    page = robot.get(f"{DATABASE}/api/v1/export?match[]=up&start={since:.0f}")
    return sorted({at / 1000 for line in page.splitlines() for at in json.loads(line)["timestamps"]})


@pytest.fixture(scope="module")
def told() -> dict[str, SimpleNamespace]:
    """What the tests before have noted."""
    return {}


def test_a_change_is_shown_before_it_is_made(robot: Any, playbook: Any) -> None:
    site(playbook)
    before = [robot.started_at(service) for service in robot.services]
    shown = site(playbook, "--check", "--diff", *PODMAN)
    for words in ("in place of the one of Docker", "which this project installed", "leave Docker"):
        assert words in shown
    assert [robot.started_at(service) for service in robot.services] == before
    has_only(robot, "docker")


def test_docker_becomes_podman_in_one_run_and_every_sample_stays(
    robot: Any, playbook: Any, told: dict[str, SimpleNamespace]
) -> None:
    told["docker"] = past(robot, "written_with_docker")
    site(playbook, *PODMAN)
    podman = with_podman(robot)
    has_only(podman, "podman")
    is_kept(podman, told["docker"])
    holds(podman)
    stays(podman, playbook, *PODMAN)


def test_the_gap_is_a_moment_without_its_database(robot: Any, told: dict[str, SimpleNamespace]) -> None:
    """Services change one after the other, once the images are there; how long it takes is kept with the artefacts."""
    times = scraped(robot, told["docker"].moment)
    longest = max(later - earlier for earlier, later in zip(times, times[1:]))
    folder = power.PROJECT / ".artifacts" / "engine_change"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "figures.txt").write_text(f"longest gap in the samples while Docker became Podman: {longest:.0f} s\n")
    assert longest > SCRAPED_SECONDS, "it was another database's process"


def test_power_that_is_cut_in_the_middle_of_the_way_back_costs_no_sample(
    robot: Any, playbook: Any, told: dict[str, SimpleNamespace]
) -> None:
    """The robot has one of its services on each engine; it comes back as it was cut, and the next run goes on."""
    podman = with_podman(robot)
    told["podman"] = past(podman, "written_with_podman")
    run = Run("playbooks/site.yml")
    wait_for(lambda: len(units(podman)) == 1, f"one service has left Podman:\n{run.told()}")
    power.cut(robot)
    assert run.ended() != 0, run.told()
    power.wait_until(robot, "systemctl is-system-running --wait | grep -qE 'running|degraded'")
    site(playbook)
    assert is_back(robot)
    has_only(robot, "docker")
    is_kept(robot, told["docker"])
    is_kept(robot, told["podman"])
    holds(robot)
    stays(robot, playbook)


def units(robot: Any) -> list[str]:
    """The containers' units that there are: a service that has left Podman has none."""
    found = robot.host.run("ls /etc/containers/systemd")
    assert found.rc == 0, found.stderr
    return [name for name in found.stdout.split() if name.endswith(".container")]
