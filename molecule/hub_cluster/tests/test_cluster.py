"""Three hosts of a hub, of which one is lost in part or whole: every sample is counted, and whoever reads goes on."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any

import alerts
import forging
import pytest
import telemetry
from reading import Seen
from through import Through, counted, everything_arrived, storage_away
from two_hubs import LONGEST_GAP_SECONDS, Ask, Reading, without, without_power
from waiting import until

STORAGE, SELECT, INSERT, ENTRY_POINT = (
    f"robot-stack-telemetry_hub_{part}" for part in ("vmstorage", "vmselect", "vminsert", "vmauth")
)
CALM_SCRAPES = 10  # one a second
AWAY_SCRAPES = 40


def told(host: Any, **labels: str) -> set[tuple[str, str]]:
    return {(alert["labels"]["alertname"], alert["labels"].get("hub", "")) for alert in alerts.going_on(host, **labels)}


@pytest.fixture(scope="module", autouse=True)
def settled(through: dict[str, Through], fleet: dict[str, Any]) -> None:
    for one in through.values():
        everything_arrived(one, fleet)


def test_every_sample_is_there_once_through_each_entry_point(
    through: dict[str, Through], fleet: dict[str, Any]
) -> None:
    began = max(telemetry.settled(one, *fleet) for one in through.values())
    telemetry.scraped(fleet.values(), CALM_SCRAPES)
    for there in counted(list(through.values()), fleet, began):
        assert len(there.answers()) >= CALM_SCRAPES


def test_the_hosts_have_certificates_of_one_authority_and_one_set_of_passwords(
    hubs: dict[str, Any], fleet: dict[str, Any], ask: Ask, folder: Any
) -> None:
    assert {path.name for path in folder.glob("*.pem")} == {"ca.pem", "one.pem", "two.pem", "three.pem"}
    for host in hubs.values():
        answer = ask(host, "/api/v1/query?query=up%7Brobot!=%22%22%7D")
        assert {one["metric"]["robot"] for one in answer.series()} == set(fleet)


def test_whoever_reads_writes_nothing_at_any_entry_point(
    hubs: dict[str, Any], ask: Ask, secret: Callable[[str], str]
) -> None:
    for host in hubs.values():
        for login in (None, ("hub", secret("database.password"))):
            assert ask(host, "/prometheus/api/v1/query?query=up", login).status == 200
            for path in (
                "/api/v1/write", "/api/v1/import", "/insert/0/prometheus/api/v1/write", "/snapshot/create",
                "/delete/0/prometheus/api/v1/admin/tsdb/delete_series", "/vmui/../../delete/0/prometheus/api/v1/write",
            ):  # fmt: skip
                assert ask(host, path, login, "").status == 400, path
        assert ask(host, "/api/v1/query?query=up", ("hub", secret("reader.password"))).status == 401


def test_no_robot_writes_as_another_at_any_entry_point(
    hubs: dict[str, Any],
    through: dict[str, Through],
    fleet: dict[str, Any],
    authority: str,
    secret: Callable[[str], str],
) -> None:
    password = secret("robots/scout.password")
    for name in hubs:
        forged = f"forged_at_{name}"
        assert forging.write_as_another(fleet["scout"], "rover", name, forged, authority, password) == "204"
        now = time.time()

        def series(forged: str = forged, now: float = now) -> Any:
            return telemetry.exported(through["one"], forged, (now - 600, now + 600))

        (labels,) = until(series, f"{forged} is there")
        assert dict(labels)["robot"] == "scout"
    alert = forging.write_as_another(fleet["scout"], "rover", "one", "ALERTS", authority, password)
    assert alert == "204", "taken, and dropped"
    now = time.time()
    telemetry.settled(through["one"], *fleet)
    forgeries = '{__name__="ALERTS",alertname=""}'  # those of the hub's own rules have a name
    assert telemetry.exported(through["one"], forgeries, (now - 60, now + 60)) == {}


def test_pages_and_alerts_are_at_every_entry_point(hubs: dict[str, Any], ask: Ask) -> None:
    for host in hubs.values():
        assert ask(host, "/vmui/").status == 200
        assert "Fleet" in ask(host, "/vmui/custom-dashboards").body
        rules = ask(host, "/api/v1/rules")
        assert rules.status == 200
        assert "TelemetryHubStorageAway" in rules.body, "three has none of its own, and asks the others"


def test_a_storage_is_killed_and_comes_back(
    hubs: dict[str, Any], through: dict[str, Through], fleet: dict[str, Any], reads: Reading
) -> None:
    began = max(telemetry.settled(one, *fleet) for one in through.values())
    for host in hubs.values():
        host.run("rm -f /run/alerts.jsonl")
    with storage_away("one", through), reads(hubs["two"]) as seen, without(STORAGE, hubs["one"]):
        telemetry.scraped(fleet.values(), AWAY_SCRAPES)
        away = {"alertname": "TelemetryHubStorageAway", "hub": "one"}
        for host in ("one", "two"):
            until(partial(alerts.going_on, hubs[host], **away), f"{host} tells that the storage is away")
        found = [alert["labels"] for host in ("one", "two") for alert in alerts.going_on(hubs[host], **away)]
        counted([through["two"], through["three"]], fleet, began)
    assert len({str(sorted(labels.items())) for labels in found}) == 1, "to Alertmanager it is one alert"
    assert len(seen.answered) > AWAY_SCRAPES
    assert seen.longest_wait() < LONGEST_GAP_SECONDS, seen.errors
    for host in ("one", "two"):
        assert not [one for one in told(hubs[host]) if one[0] in ("RobotSilent", "RobotBacklogGrowing")]
    counted(list(through.values()), fleet, began)
    until(lambda: not _reachable_missing(through["two"]), "all hosts reach all storages")


def _reachable_missing(through: Through) -> Any:
    query = "/api/v1/query?nocache=1&query=vm_rpc_vmstorage_is_reachable%7Bhub!=%22%22%7D%20==%200"
    page = through.get(f"{telemetry.STORAGE}{query}")
    return '"metric"' in page


def test_an_entry_point_whose_vmselect_is_killed_goes_on_answering(
    hubs: dict[str, Any], fleet: dict[str, Any], reads: Reading
) -> None:
    with reads(hubs["one"]) as seen, without(SELECT, hubs["one"]):
        telemetry.scraped(fleet.values(), CALM_SCRAPES)
    assert len(seen.answered) > CALM_SCRAPES
    assert seen.longest_wait() < LONGEST_GAP_SECONDS, seen.errors


@pytest.mark.parametrize("part", [ENTRY_POINT, INSERT])
def test_what_takes_samples_is_killed_and_robots_have_another(
    part: str, hubs: dict[str, Any], through: dict[str, Through], fleet: dict[str, Any], reads: Reading
) -> None:
    began = max(telemetry.settled(one, *fleet) for one in through.values())
    lost = _entry_points(fleet["scout"])[0]
    other = next(name for name in hubs if name != lost)
    for host in hubs.values():
        host.run("rm -f /run/alerts.jsonl")
    with reads(hubs[other]) as seen, without(part, hubs[lost]):
        telemetry.scraped(fleet.values(), 2 * CALM_SCRAPES)
        telemetry.arrive(through[other], "scout")
    assert seen.longest_wait() < LONGEST_GAP_SECONDS, seen.errors
    assert not [one for one in told(hubs["one"]) if one[0] in ("RobotSilent", "RobotBacklogGrowing")]
    counted(list(through.values()), fleet, began)


def test_the_network_between_two_hosts_is_cut(
    hubs: dict[str, Any], through: dict[str, Through], fleet: dict[str, Any], reads: Reading
) -> None:
    began = max(telemetry.settled(one, *fleet) for one in through.values())
    ends = [(hubs["one"], hubs["two"]), (hubs["two"], hubs["one"])]
    with reads(hubs["one"]) as seen:
        for host, other in ends:
            host.run(f"ip route add blackhole {other.variables['testbed_parts_address']}/32")
        try:
            telemetry.scraped(fleet.values(), 2 * CALM_SCRAPES)
        finally:
            for host, other in ends:
                host.run(f"ip route del blackhole {other.variables['testbed_parts_address']}/32")
    assert seen.longest_wait() < 2 * LONGEST_GAP_SECONDS, seen.errors
    counted(list(through.values()), fleet, began)


def _entry_points(robot: Any) -> list[str]:
    words = robot.inspect("vmagent")["Config"]["Cmd"]
    return [word.partition("//")[2].partition(":")[0] for word in words if word.startswith("-remoteWrite.url=")]


def test_robots_send_to_two_entry_points(fleet: dict[str, Any], hubs: dict[str, Any]) -> None:
    for robot in fleet.values():
        assert len(set(_entry_points(robot)) & set(hubs)) == 2


def test_what_waited_arrives_in_two_hosts_while_the_third_has_no_power(
    hubs: dict[str, Any], through: dict[str, Through], fleet: dict[str, Any], reads: Reading
) -> None:
    """The report's last line: buffered through an outage, sent to a cluster of which a host dies, and all counted."""
    began = max(telemetry.settled(one, *fleet) for one in through.values())
    seen: Seen
    with ExitStack() as stack:
        for robot in fleet.values():
            for name in hubs:
                telemetry.cut(robot, name)
        try:
            telemetry.scraped(fleet.values(), AWAY_SCRAPES)
            stack.enter_context(storage_away("three", through))
            stack.enter_context(without_power(hubs["three"], STORAGE))
        finally:
            for robot in fleet.values():
                telemetry.mend_all(robot)
        seen = stack.enter_context(reads(hubs["one"]))
        for there in counted([through["one"], through["two"]], fleet, began):
            assert len(there.answers()) > AWAY_SCRAPES
        telemetry.scraped(fleet.values(), CALM_SCRAPES)
    assert seen.longest_wait() < LONGEST_GAP_SECONDS, seen.errors
    counted(list(through.values()), fleet, began)
    for robot in fleet.values():
        for url in ("1:secret-url", "2:secret-url"):
            assert telemetry.agent(robot, "vmagent_remotewrite_packets_dropped_total", url) == 0
