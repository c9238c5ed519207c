"""Two hosts of a hub: both get everything, either answers for both, and what happens to one is told once."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import alerts
import entry_point
import pytest
import telemetry
import yaml
from attacks import remote_write
from reading import Seen
from telemetry import Ledger
from two_hubs import LONGEST_GAP_SECONDS, Ask, Reading, without_database, without_power
from waiting import until

CALM_SCRAPES = 10  # one a second
AWAY_SCRAPES = 40
# What a database got last is only in its memory (-inmemoryDataFlushInterval, 5 s), and robots were told that it has it.
LOST_AT_A_POWER_CUT_SECONDS = 10
MIB = 1024 * 1024
PARTS = [f"telemetry_hub_{part}" for part in ("victoriametrics", "vmauth", "vmalert")]
DEFAULTS = yaml.safe_load(
    (Path(__file__).resolve().parents[3] / "roles/telemetry_hub/defaults/main.yml").read_text(encoding="utf-8")
)
WRITE = "/api/v1/write"
PAGES = ("/vmui/", "/api/v1/rules", "/api/v1/alerts", "/api/v1/labels")


def series(answer: Any) -> set[str]:
    return {one["metric"]["robot"] for one in answer.series()}


def complete(there: Ledger) -> None:
    assert there.lost_answers() == []
    assert there.incomplete("sensor_service") == {}


@pytest.fixture(scope="module", autouse=True)
def settled(hubs: list[Any], fleet: dict[str, Any]) -> None:
    for hub in hubs:
        for name in fleet:
            telemetry.arrive(hub, name)


def test_both_have_every_sample_and_the_same(hubs: list[Any], fleet: dict[str, Any]) -> None:
    began = max(telemetry.settled(hub, *fleet) for hub in hubs)
    telemetry.scraped(fleet.values(), CALM_SCRAPES)
    ended = min(telemetry.settled(hub, *fleet) for hub in hubs)
    for name in fleet:
        there = [telemetry.ledger(hub, name, (began, ended)) for hub in hubs]
        assert len(there[0].answers()) >= CALM_SCRAPES
        for one in there:
            complete(one)
        assert there[0].of_job("sensor_service") == there[1].of_job("sensor_service")


def test_the_hosts_have_certificates_of_one_authority_and_one_set_of_passwords(
    hubs: list[Any], fleet: dict[str, Any], ask: Ask, folder: Any
) -> None:
    assert {path.name for path in folder.glob("*.pem")} == {"ca.pem", "north.pem", "south.pem"}
    for hub in hubs:
        assert series(ask(hub, "/api/v1/query?query=up%7Brobot!=%22%22%7D")) == set(fleet)


def test_whoever_is_the_other_entry_point_reads_and_writes_nothing(
    hubs: list[Any], ask: Ask, secret: Callable[[str], str]
) -> None:
    login = ("hub", secret("database.password"))
    for hub in hubs:
        assert ask(hub, "/api/v1/query?query=up", login).status == 200
        for path in ("/api/v1/write", "/api/v1/import", "/api/v1/admin/tsdb/delete_series", "/snapshot/create"):
            assert ask(hub, path, login, "").status == 400
        assert ask(hub, "/api/v1/query?query=up", ("hub", secret("reader.password"))).status == 401


@pytest.mark.parametrize("host", ["north", "south"])
def test_the_kernel_limits_every_service_of_both_hosts_and_the_sum(robots: dict[str, Any], host: str) -> None:
    hub = robots[host]
    for service in PARTS:
        name = f"{service}_memory_limit_mib"
        declared = (hub.declared(name) or DEFAULTS[name]) * MIB
        group = hub.cgroup(hub.pid(service))
        assert hub.limits(group) == (declared, declared), service
        ceiling = group[: group.index("/robotstack.slice")] + "/robotstack.slice"
        assert hub.limits(ceiling)[0] == hub.declared("robot_stack_memory_budget_mib") * MIB


@pytest.mark.parametrize("host", ["north", "south"])
def test_a_forged_write_is_refused_or_bears_its_senders_name_at_each_entry_point(
    robots: dict[str, Any], ask: Ask, authority: str, secret: Callable[[str], str], host: str
) -> None:
    hub, name = robots[host], f"forged_at_{host}"
    message = remote_write.message([{"__name__": name, "robot": "rover", "hub": host}])
    body = base64.b64encode(remote_write.packed(message)).decode()

    def sent(user: str, password: str, path: str = WRITE) -> int:
        base = f"https://{host}:8427"
        asked = entry_point.Question(path, authority, user, password, body, base=base, encoded=True)
        return entry_point.ask(robots["scout"], asked).status

    own, others = secret("robots/scout.password"), secret("robots/rover.password")
    assert sent("", "") == 401
    assert sent("rover", own) == sent("scout", others) == sent("hub", others) == 401
    assert sent("reader", secret("reader.password")) == 400
    assert sent("scout", own, "/api/v1/import") == 400
    began = time.time() - 600
    assert telemetry.exported(hub, name, (began, time.time() + 600)) == {}
    assert sent("scout", own, f"{WRITE}?extra_label=robot%3Drover") == 204
    # which series there are, a database remembers for a moment
    (labels,) = until(lambda: telemetry.exported(hub, name, (began, time.time() + 600)), f"{name} is there")
    assert dict(labels)["robot"] == "scout"


def test_an_entry_point_whose_database_is_killed_goes_on_answering(
    north: Any, fleet: dict[str, Any], reads: Reading, ask: Ask
) -> None:
    with reads(north) as seen, without_database(north):
        telemetry.scraped(fleet.values(), CALM_SCRAPES)
        pages = {page: ask(north, page) for page in PAGES}
    assert {page: answer.status for page, answer in pages.items()} == dict.fromkeys(PAGES, 200)
    assert "<!doctype html" in pages["/vmui/"].body.lower()
    assert json.loads(pages["/api/v1/rules"].body)["data"]["groups"], "the other host's, whose vmalert is asked"
    assert "robot" in json.loads(pages["/api/v1/labels"].body)["data"]
    assert len(seen.answered) > CALM_SCRAPES
    assert seen.longest_wait() < LONGEST_GAP_SECONDS, seen.errors


def test_two_entry_points_without_a_database_do_not_pass_a_question_to_and_fro(hubs: list[Any], ask: Ask) -> None:
    with without_database(*hubs):
        for hub in hubs:
            began = time.monotonic()
            assert ask(hub, "/api/v1/query?query=up").status in (502, 503)
            assert time.monotonic() - began < 30
    for hub in hubs:
        for name in ("scout", "rover"):
            telemetry.arrive(hub, name)


@dataclass
class Story:
    """North loses its power while robots send, and somebody reads through south."""

    began: float = 0.0
    cut_at: float = 0.0
    back_at: float = 0.0
    ended: float = 0.0
    seen: Seen = field(default_factory=Seen)
    told: list[dict[str, Any]] = field(default_factory=list)
    north: dict[str, Ledger] = field(default_factory=dict)
    south: dict[str, Ledger] = field(default_factory=dict)


@pytest.fixture(scope="module")
def story(north: Any, south: Any, fleet: dict[str, Any], reads: Reading) -> Story:
    found = Story()
    for hub in (north, south):
        for robot in fleet.values():
            telemetry.arrive(hub, robot.name)
            telemetry.drained(robot)
    found.began = max(telemetry.settled(hub, *fleet) for hub in (north, south))
    south.run("rm -f /run/alerts.jsonl")
    with reads(south) as found.seen:
        found.cut_at = time.time()
        with without_power(north):
            telemetry.scraped(fleet.values(), AWAY_SCRAPES)
            away = {"alertname": "TelemetryHubAway"}
            until(lambda: alerts.going_on(south, **away), "somebody is told that a host is away")
            found.told = alerts.going_on(south)
            found.back_at = time.time()
        for robot in fleet.values():
            telemetry.arrive(north, robot.name)
            telemetry.drained(robot)
    found.ended = min(telemetry.settled(hub, *fleet) for hub in (north, south))
    window = (found.began, found.ended)
    found.south = {name: telemetry.ledger(south, name, window) for name in fleet}
    found.north = {name: telemetry.ledger(north, name, window) for name in fleet}
    return found


def test_nobody_who_reads_through_the_other_entry_point_waits(story: Story) -> None:
    assert len(story.seen.answered) > AWAY_SCRAPES
    assert story.seen.longest_wait() < LONGEST_GAP_SECONDS, story.seen.errors


def test_the_host_that_stayed_has_every_sample(story: Story) -> None:
    for there in story.south.values():
        assert len(there.answers()) > AWAY_SCRAPES
        complete(there)


def test_the_host_that_was_away_gets_what_robots_kept(story: Story, fleet: dict[str, Any]) -> None:
    for there in story.north.values():
        while_away = [at for at, _ in there.answers() if story.cut_at < at / 1000 < story.back_at]
        assert len(while_away) > AWAY_SCRAPES - LOST_AT_A_POWER_CUT_SECONDS
        lost = there.lost_answers()
        # what is to be done every few seconds is as late as this computer is, which the other host's reader has seen
        most = LOST_AT_A_POWER_CUT_SECONDS + story.seen.longest_gap()
        assert all(story.cut_at - most < moment / 1000 < story.cut_at + most for moment, _ in lost), lost
        assert sum(number for _, number in lost) <= most
    for robot in fleet.values():
        for url in ("1:secret-url", "2:secret-url"):
            assert telemetry.agent(robot, "vmagent_remotewrite_packets_dropped_total", url) == 0


def test_it_is_told_by_name_and_robots_are_not_blamed(story: Story) -> None:
    told = {(alert["labels"]["alertname"], alert["labels"].get("hub", "")) for alert in story.told}
    assert ("TelemetryHubAway", "north") in told
    assert not [one for one in told if one[0] in ("RobotSilent", "RobotBacklogGrowing")]
    assert ("TelemetryHubAway", "south") not in told


def test_a_silent_robot_is_one_alert_though_both_hosts_tell_it(hubs: list[Any], fleet: dict[str, Any]) -> None:
    silent = {"alertname": "RobotSilent", "robot": "rover"}
    for hub in hubs:
        telemetry.arrive(hub, "rover")
        hub.run("rm -f /run/alerts.jsonl")
    for hub in hubs:
        telemetry.cut(fleet["rover"], hub.name)
    try:
        for hub in hubs:
            until(partial(alerts.going_on, hub, **silent), f"{hub.name} tells of the silence")
        told = [alert["labels"] for hub in hubs for alert in alerts.going_on(hub, **silent)]
    finally:
        for hub in hubs:
            telemetry.mend(fleet["rover"], hub.name)
    # what Alertmanager takes for one alert has one set of labels
    assert len({json.dumps(labels, sort_keys=True) for labels in told}) == 1
