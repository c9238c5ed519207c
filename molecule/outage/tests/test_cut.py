"""The way to the hub is cut for two minutes: afterwards the hub has every sample, and no robot has left its budget."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import figures
import pytest
import sampled
import telemetry
from ansible_collections.robotfleet.stack.plugins.plugin_utils.telemetry import pace
from sampled import MIB, Watched
from telemetry import Ledger

HUB = "hub"
RATE_LIMIT = "vmagent_remotewrite_rate_limit"
JOBS = ("sensor_service", "load")
CALM_SCRAPES = 15  # one a second
CUT_SCRAPES = 120
HOUR = 3600


@dataclass
class Story:
    """When it was cut and mended, and what was seen meanwhile, by robot."""

    began: float = 0.0
    cut_at: float = 0.0
    mended_at: float = 0.0
    ended: float = 0.0
    started: dict[str, str] = field(default_factory=dict)
    drained: dict[str, float] = field(default_factory=dict)
    watched: dict[str, Watched] = field(default_factory=dict)
    wire: dict[str, float] = field(default_factory=dict)  # bytes for each sample, on a calm line
    jumps: dict[str, list[int]] = field(default_factory=dict)  # moments (ms) of what was sent with another clock
    at_hub: dict[str, Ledger] = field(default_factory=dict)
    at_home: Ledger = field(default_factory=lambda: Ledger({}))  # what keeper has of itself


def sent(robot: Any) -> tuple[int, float]:
    """Return the bytes that left the robot, and the samples that were read."""
    return int(robot.run("cat /sys/class/net/eth0/statistics/tx_bytes")), telemetry.agent(robot, sampled.ROWS)


def with_another_clock(robot: Any) -> list[int]:
    """Hand the agent samples of a clock that was an hour behind, and then one ahead."""
    now = int(time.time())
    moments = [(now + shift) * 1000 for shift in (0, -HOUR, -HOUR + 1, HOUR, HOUR + 1, 1)]
    lines = "".join(f"clock_reading {number} {moment}\n" for number, moment in enumerate(moments))
    telemetry.hand_over(robot, lines)
    return moments


@pytest.fixture(scope="module")
def story(fleet: dict[str, Any], hub: Any) -> Story:
    """Two robots without their hub for two minutes, and then with it until their backlogs are sent."""
    told = Story()
    for robot in fleet.values():
        telemetry.arrive(hub, robot.name)
    with ExitStack() as watching:
        for name, robot in fleet.items():
            told.watched[name] = watching.enter_context(sampled.watched(robot))
            told.started[name] = robot.started_at("vmagent")
        told.began = time.time()
        before = {name: sent(robot) for name, robot in fleet.items()}
        telemetry.scraped(fleet.values(), CALM_SCRAPES)
        after = {name: sent(robot) for name, robot in fleet.items()}
        told.wire = {name: (after[name][0] - before[name][0]) / (after[name][1] - before[name][1]) for name in fleet}
        told.cut_at = time.time()
        for robot in fleet.values():
            telemetry.cut(robot, HUB)
        telemetry.scraped(fleet.values(), CUT_SCRAPES // 2)
        told.jumps = {name: with_another_clock(robot) for name, robot in fleet.items()}
        telemetry.scraped(fleet.values(), CUT_SCRAPES // 2)
        told.mended_at = time.time()
        for robot in fleet.values():
            telemetry.mend(robot, HUB)
        for name, robot in fleet.items():
            telemetry.drained(robot)
            told.drained[name] = time.time() - told.mended_at
        told.ended = telemetry.settled(hub, *fleet)
    window = (told.began, told.ended)
    told.at_hub = {name: telemetry.ledger(hub, name, window) for name in fleet}
    told.at_home = telemetry.ledger(fleet["keeper"], "keeper", window)
    figures.keep("outage", "cut", {name: of_robot(told, name) for name in fleet})
    return told


def of_robot(story: Story, name: str) -> dict[str, Any]:
    """Return the figures of one robot."""
    seen, there, while_cut = story.watched[name], story.at_hub[name], (story.cut_at + 15, story.mended_at)
    written, blocks, read = (seen.grown(m, while_cut) for m in (sampled.WRITTEN, sampled.BLOCKS, sampled.ROWS))
    given = [number for job in JOBS for number in there.given(job).values()]
    return {
        "cut_seconds": round(story.mended_at - story.cut_at),
        "samples": sum(given),
        "samples_lost": sum(given) - sum(there.arrived(job).total() for job in JOBS),
        "seconds_lost": sum(missing for _, missing in there.lost_answers()),
        "drain_seconds": round(story.drained[name]),
        "agent_mib": {
            "calm": seen.peak_mib("agent", (story.began, story.cut_at)),
            "buffering": seen.peak_mib("agent", while_cut),
            "draining": seen.peak_mib("agent", (story.mended_at, story.ended)),
        },
        "stack_mib": seen.peak_mib("stack"),
        "backlog_mib": round(seen.highest(sampled.PENDING) / MIB, 2),
        "bytes_per_sample": {"disk": round((written + 8 * blocks) / read, 1), "wire": round(story.wire[name], 1)},
        "samples_per_second": round(read / (while_cut[1] - while_cut[0])),
    }


def test_the_robots_were_really_cut_off(story: Story) -> None:
    for seen in story.watched.values():
        assert seen.highest(sampled.PENDING) > 100 * 1024
        assert seen.grown(sampled.SENT, (story.cut_at + 5, story.mended_at)) == 0


@pytest.mark.parametrize("job", JOBS)
def test_the_hub_has_every_sample_of_every_scrape(story: Story, job: str) -> None:
    for there in story.at_hub.values():
        while_cut = [at for at in there.given(job) if story.cut_at + 5 < at / 1000 < story.mended_at - 5]
        assert len(while_cut) > CUT_SCRAPES / 2
        assert there.incomplete(job) == {}


def test_every_answer_of_the_sensor_service_arrived(story: Story) -> None:
    for there in story.at_hub.values():
        assert len(there.answers()) > CUT_SCRAPES / 2
        assert there.lost_answers() == []


@pytest.mark.parametrize("job", JOBS)
def test_the_hub_has_what_the_robot_itself_has(story: Story, job: str) -> None:
    own = story.at_home.of_job(job)
    assert len(own) > 100
    assert story.at_hub["keeper"].of_job(job) == own


def test_every_sample_bears_its_robot_and_its_groups(story: Story) -> None:
    for there in story.at_hub.values():
        assert {dict(labels)["robot_groups"] for labels in there.series} == {",robots,"}


def test_samples_of_a_clock_that_jumped_arrive_with_the_times_they_bear(story: Story, hub: Any) -> None:
    for name, moments in story.jumps.items():
        everything = (story.began - 2 * HOUR, story.ended + 2 * HOUR)
        (found,) = telemetry.exported(hub, f'clock_reading{{robot="{name}"}}', everything).values()
        assert found == {moment: float(number) for number, moment in enumerate(moments)}


def test_the_agents_have_the_bounds_of_the_inventory_on_what_they_send(fleet: dict[str, Any]) -> None:
    """In their own words; the neighbour of one of them bounds by itself what it takes."""
    bounds = {name: telemetry.agent(robot, RATE_LIMIT) for name, robot in fleet.items()}
    series = fleet["keeper"].declared("vmagent_expected_series")
    assert bounds == {"pusher": 16384 * 1024, "keeper": pace.bytes_per_second(0, series, "1s")}
    assert telemetry.agent(fleet["keeper"], RATE_LIMIT, "2:secret-url") == 0


def test_no_robot_left_its_budget(story: Story, fleet: dict[str, Any]) -> None:
    for name, robot in fleet.items():
        assert robot.started_at("vmagent") == story.started[name], "it was killed or restarted"
        assert story.watched[name].peak_mib("agent") < robot.declared("vmagent_memory_limit_mib")
        assert story.watched[name].peak_mib("stack") < robot.declared("robot_stack_memory_budget_mib")


def test_what_the_plan_reckons_with_is_not_less_than_what_a_sample_takes(story: Story) -> None:
    for name in story.at_hub:
        assert of_robot(story, name)["bytes_per_sample"]["disk"] <= telemetry.PLANNED_BYTES_PER_SAMPLE


def test_verify_and_the_watchdogs_rules_find_nothing_wrong(story: Story, playbook: Any, hub: Any) -> None:
    verified = playbook("playbooks/verify.yml", "--limit", "robots")
    assert verified.returncode == 0, verified.stdout
    verdicts = hub.query('robot_stack:service_verdict{service="vmagent"}')
    assert {(found["metric"]["robot"], found["value"][1]) for found in verdicts} == {("pusher", "0"), ("keeper", "0")}
