"""The buffer's cap is exceeded: the oldest blocks are missing, all younger ones are there, and an alert tells of it."""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass, field
from typing import Any

import figures
import pytest
import sampled
import telemetry
from sampled import MIB, Watched
from telemetry import Ledger
from waiting import until

HUB = "hub"
CAP_MIB = 512
FILE_MIB = 512
OVER_MIB = 64
SERIES = 1000
OWN_SCRAPES = 10  # one a second
DISK_SECONDS = 1800  # for half a GiB in and out, on whatever disk
LOOKED_AT = (0, SERIES // 2, SERIES - 1)
# Wide samples that no compression makes smaller: each series has a long label that was made by chance, and comes up
# once in a block. What counts the samples is their value. Random bytes cannot be a label; this alphabet holds six bits
# in each of its characters.
FILLER = """
import base64, os, pathlib, time, urllib.request
series = ['filler{number="%d",wide="%s"}' % (number, base64.urlsafe_b64encode(os.urandom(675)).decode())
          for number in range(SERIES)]
wanted, sent, count = WANTED * 1024 * 1024, 0, 0
while sent < wanted:
    moment = int(time.time() * 1000)
    lines = "".join("%s %d %d\\n" % (one, count, moment) for one in series)
    urllib.request.urlopen("http://127.0.0.1:8429/api/v1/import/prometheus", data=lines.encode(), timeout=60)
    sent, count = sent + len(lines) * 3 // 4, count + 1
pathlib.Path("/run/filler.done").write_text(str(count))
"""


@dataclass
class Story:
    """What was put in, what came out, and what was seen meanwhile."""

    began: float = 0.0
    cut_at: float = 0.0
    mended_at: float = 0.0
    started: str = ""
    put_in: int = 0
    numbers: dict[str, list[int]] = field(default_factory=dict)  # of each wide series at the hub, oldest first
    at_hub: Ledger = field(default_factory=lambda: Ledger({}))
    watched: Watched = field(default_factory=Watched)


def fill(robot: Any, mib: int) -> int:
    """Have the agent given so much; return how many requests that were."""
    code = base64.b64encode(FILLER.replace("WANTED", str(mib)).replace("SERIES", str(SERIES)).encode()).decode()
    robot.run(f"rm -f /run/filler.done; echo {code} | base64 -d > /run/filler.py")
    robot.run("systemd-run --quiet --collect --unit=filler python3 /run/filler.py")
    until(lambda: robot.host.file("/run/filler.done").exists, "the buffer is filled", DISK_SECONDS)
    return int(robot.run("cat /run/filler.done"))


def numbers_at(hub: Any, window: tuple[float, float]) -> dict[str, list[int]]:
    """Return the values of some of the wide series."""
    found = {}
    for number in LOOKED_AT:
        match = f'filler{{robot="pusher",number="{number}"}}'
        (samples,) = telemetry.exported(hub, match, window).values()
        found[str(number)] = [int(samples[moment]) for moment in sorted(samples)]
    return found


@pytest.fixture(scope="module")
def story(fleet: dict[str, Any], hub: Any) -> Story:
    robot, told = fleet["pusher"], Story()
    telemetry.arrive(hub, robot.name)
    with sampled.watched(robot) as told.watched:
        told.began, told.started = telemetry.settled(hub, robot.name), robot.started_at("vmagent")
        told.cut_at = time.time()
        telemetry.cut(robot, HUB)
        telemetry.scraped([robot], OWN_SCRAPES)
        told.put_in = fill(robot, CAP_MIB + OVER_MIB)
        until(lambda: telemetry.agent(robot, sampled.DROPPED) > 0, "the oldest is dropped")
        telemetry.scraped([robot], OWN_SCRAPES)
        telemetry.mend(robot, HUB)
        told.mended_at = time.time()
        telemetry.drained(robot, DISK_SECONDS)
    window = (told.began, telemetry.settled(hub, robot.name))
    told.numbers = numbers_at(hub, window)
    told.at_hub = telemetry.ledger_of_jobs(hub, robot.name, ("sensor_service", "load"), window)
    figures.keep("outage", "overflow", of_story(told))
    return told


def of_story(story: Story) -> dict[str, Any]:
    seen = story.watched
    return {
        "cap_mib": CAP_MIB,
        "put_in_mib": CAP_MIB + OVER_MIB,
        "dropped_mib": round(seen.highest(sampled.DROPPED) / MIB, 1),
        "seconds_lost": sum(number for _, number in story.at_hub.lost_answers()),
        "largest_on_disk_mib": seen.peak_mib("disk"),
        "agent_mib": {
            "buffering": seen.peak_mib("agent", (story.cut_at, story.mended_at)),
            "draining": seen.peak_mib("agent", (story.mended_at, float("inf"))),
        },
    }


def test_more_was_put_in_than_the_buffer_holds(story: Story) -> None:
    assert story.watched.highest(sampled.DROPPED) > 0
    assert story.watched.highest(sampled.PENDING) > (CAP_MIB - 8) * MIB


def test_only_the_oldest_wide_samples_are_missing(story: Story) -> None:
    for numbers in story.numbers.values():
        assert 0 < numbers[0] < story.put_in / 2
        assert numbers == list(range(numbers[0], story.put_in))


def test_only_the_oldest_of_the_robots_own_samples_are_missing(story: Story) -> None:
    ((before, number),) = story.at_hub.lost_answers()
    assert abs(before / 1000 - story.cut_at) < 15
    assert number >= 5
    assert all(len(story.at_hub.incomplete(job)) <= 2 for job in ("sensor_service", "load"))


def test_the_buffer_took_no_more_of_the_disk_than_preflight_asked_for(story: Story, fleet: dict[str, Any]) -> None:
    assert story.watched.peak_mib("disk") <= CAP_MIB + FILE_MIB


def test_the_agent_stayed_in_its_limit(story: Story, fleet: dict[str, Any]) -> None:
    assert fleet["pusher"].started_at("vmagent") == story.started
    assert story.watched.peak_mib("agent") < fleet["pusher"].declared("vmagent_memory_limit_mib")


def test_an_alert_tells_of_it(story: Story, hub: Any) -> None:
    firing = 'ALERTS{alertname="RobotDropsSamples",alertstate="firing",robot="pusher"}'
    assert hub.query(firing), "vmalert at the hub says nothing of lost samples"
    assert not hub.query_now(firing.replace("pusher", "keeper")), "keeper has lost none"
