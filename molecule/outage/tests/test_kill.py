"""Without the hub, an agent is killed and a robot loses its power: what was on disk arrives, the rest is seconds."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import figures
import power
import pytest
import telemetry
from telemetry import Ledger
from waiting import until

HUB = "hub"
CALM_SCRAPES = 5  # one a second
BUFFERED_SCRAPES = 25
# What docs/telemetry.md states: what is in memory only, and the block that is under way.
MOST_LOST_SECONDS = 10
UNDER_WAY_SECONDS = 4
LONGER_THAN_A_SCRAPE = 1.6


@dataclass
class Story:
    """When it happened, and what the hub has of each robot."""

    began: float = 0.0
    cut_at: float = 0.0
    killed_at: float = 0.0
    unplugged_at: float = 0.0
    back_at: float = 0.0
    at_hub: dict[str, Ledger] = field(default_factory=dict)
    killed_with_hub: Ledger = field(default_factory=lambda: Ledger({}))


def kill_the_agent(robot: Any) -> float:
    """SIGKILL; the engine starts it again. Returns when it was killed."""
    before = robot.started_at("vmagent")
    robot.run(f"kill -9 {robot.pid('vmagent')}")
    killed_at = time.time()
    until(lambda: robot.started_at("vmagent") != before, "the engine starts it again")
    power.wait_until(robot, "python3 -c \"import urllib.request as u; u.urlopen('http://127.0.0.1:8429/health')\"")
    return killed_at


@pytest.fixture(scope="module")
def story(fleet: dict[str, Any], hub: Any) -> Story:
    """Pusher's agent is killed and keeper loses its power while both are cut off; then pusher's once more, calmly."""
    pusher, keeper = fleet["pusher"], fleet["keeper"]
    told = Story()
    for robot in fleet.values():
        telemetry.arrive(hub, robot.name)
    told.began = telemetry.settled(hub, *fleet)
    told.cut_at = time.time()
    for robot in fleet.values():
        telemetry.cut(robot, HUB)
    telemetry.scraped(fleet.values(), BUFFERED_SCRAPES)
    told.unplugged_at = time.time()
    power.cut(keeper)
    told.killed_at = kill_the_agent(pusher)
    telemetry.scraped([pusher], CALM_SCRAPES)
    telemetry.mend(pusher, HUB)
    power.wait_until(keeper, "docker ps --format '{{.Names}}' | grep -q robot-stack-vmagent")
    told.back_at = time.time()
    for robot in fleet.values():
        telemetry.arrive(hub, robot.name)
        telemetry.drained(robot)
    window = (told.began, telemetry.settled(hub, *fleet))
    told.at_hub = {name: telemetry.ledger(hub, name, window) for name in fleet}
    again = telemetry.settled(hub, "pusher")
    kill_the_agent(pusher)
    telemetry.scraped([pusher], CALM_SCRAPES)
    telemetry.drained(pusher)
    told.killed_with_hub = telemetry.ledger(hub, "pusher", (again, telemetry.settled(hub, "pusher")))
    figures.keep("outage", "kill", of_story(told))
    return told


def tail_seconds(story: Story) -> float:
    """Return how many seconds before the power cut the last sample is from that arrived."""
    before = [at / 1000 for at, _ in story.at_hub["keeper"].answers() if at / 1000 <= story.unplugged_at]
    return story.unplugged_at - max(before)


def holes(story: Story) -> list[tuple[float, float]]:
    """Return from when until when keeper's samples are missing although it had power and had read them."""
    there = story.at_hub["keeper"]
    lost = {before for before, _ in there.lost_answers()}  # without it, a busy machine has only scraped late
    silences = there.silences(LONGER_THAN_A_SCRAPE)
    return [gap for gap in silences if gap[1] <= story.unplugged_at and round(gap[0] * 1000) in lost]


def of_story(story: Story) -> dict[str, Any]:
    """Return the seconds of samples lost in each case."""
    under_way = sum(after - before - 1 for before, after in holes(story))
    return {
        "killed_while_cut": {"seconds_lost": sum(number for _, number in story.at_hub["pusher"].lost_answers())},
        "killed_with_hub": {"seconds_lost": sum(number for _, number in story.killed_with_hub.lost_answers())},
        "power_cut": {
            "seconds_lost": round(under_way + tail_seconds(story), 1),
            "seconds_under_way": round(under_way, 1),
            "seconds_in_memory": round(tail_seconds(story), 1),
        },
        "stated_seconds": MOST_LOST_SECONDS,
    }


def test_what_was_collected_without_the_hub_arrived(story: Story) -> None:
    for name, ended in (("pusher", story.killed_at), ("keeper", story.unplugged_at)):
        while_cut = [at for at, _ in story.at_hub[name].answers() if story.cut_at < at / 1000 < ended]
        assert len(while_cut) >= BUFFERED_SCRAPES - MOST_LOST_SECONDS


def test_an_agent_that_is_killed_loses_the_stated_seconds_at_most(story: Story) -> None:
    assert of_story(story)["killed_while_cut"]["seconds_lost"] <= MOST_LOST_SECONDS
    assert of_story(story)["killed_with_hub"]["seconds_lost"] <= MOST_LOST_SECONDS


def test_what_a_killed_agent_loses_is_what_was_under_way_and_the_very_last(story: Story) -> None:
    for before, number in story.at_hub["pusher"].lost_answers():
        at_the_start = abs(before / 1000 - story.cut_at) < UNDER_WAY_SECONDS + 1
        at_the_end = story.killed_at - MOST_LOST_SECONDS < before / 1000 <= story.killed_at
        assert at_the_start or at_the_end, (before, number, story.cut_at, story.killed_at)


def test_a_robot_that_loses_its_power_loses_the_stated_seconds_at_most(story: Story) -> None:
    assert of_story(story)["power_cut"]["seconds_lost"] <= MOST_LOST_SECONDS


def test_every_flushed_sample_of_that_robot_arrived(story: Story) -> None:
    for before, after in holes(story):
        assert abs(before - story.cut_at) < UNDER_WAY_SECONDS + 1, "only the block that was under way is missing"
        assert after - before < UNDER_WAY_SECONDS + 1


def test_the_scrapes_that_arrived_are_whole(story: Story) -> None:
    """A block may end between two samples of a scrape: such a scrape is one of those seconds, and there are few."""
    for there in (*story.at_hub.values(), story.killed_with_hub):
        for job in ("sensor_service", "load"):
            assert len(there.incomplete(job)) <= 2
