"""A robot lies: about robots that do not exist, as the hub, and in text. What people are told stays true."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from attacks import remote_write
from attacks.containers import until
from attacks.laboratory import ALERTS, DATABASE, ENTRY_POINT, READER, Hub

GHOSTS = 300
SERVICES = 5000
SWIFT = {
    "telemetry_hub_alert_interval": "2s",
    "telemetry_hub_alert_pending_interval": "2s",
    "telemetry_hub_alert_silent_interval": "20s",
    "telemetry_hub_sample_interval": "2s",
    "telemetry_hub_robot_groups": {"rogue": ["robots"], "honest": ["robots"]},
}
NASTY = '<script>alert(1)</script>\n\x1b[2J{{ $value }}"' + "x" * 500


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    with Hub(services=(DATABASE, ENTRY_POINT, ALERTS), variables=SWIFT) as started:
        yield started


def alerts(hub: Hub) -> list[dict[str, Any]]:
    answer = hub.ask(READER, "/api/v1/alerts")
    assert answer.status == 200, answer
    found: list[dict[str, Any]] = json.loads(answer.body)["data"]["alerts"]
    return found


def write(hub: Hub, user: str, *many: dict[str, str], value: float = 1.0) -> None:
    answer = hub.write(user, remote_write.packed(remote_write.message(many, value)))
    assert answer.status == 204, answer


def tell_all(hub: Hub) -> None:
    """Lie in every way at once; again and again, since a series that ends is no alert."""
    ghosts = [{"__name__": "vmauth_user_requests_total", "username": f"ghost-{n}"} for n in range(GHOSTS)]
    write(hub, "rogue", *ghosts, *({**ghost, "hub": "hub", "robot": ""} for ghost in ghosts))
    write(hub, "rogue", {"__name__": "up", "robot": "honest", "job": "forged"})
    lies = [{"__name__": "vm_storage_is_read_only", "hub": "hub"}, {"__name__": "ALERTS", "alertname": "Forged"}]
    write(hub, "rogue", *lies, {"__name__": "robot_stack:stack_verdict", "robot": "honest"}, value=4.0 / 4)
    down = [{"__name__": "robot_stack_service_up", "service": f"s{n}", "hub": "hub"} for n in range(SERVICES)]
    for start in range(0, SERVICES, 1000):
        write(hub, "rogue", *down[start : start + 1000], value=0.0)
    write(hub, "rogue", {"__name__": "robot_stack_service_up", "service": NASTY, "through_door": ""}, value=0.0)
    write(hub, "honest", {"__name__": "robot_stack_service_up", "service": "sensor_service"}, value=0.0)


@pytest.fixture(scope="module")
def told(hub: Hub) -> list[dict[str, Any]]:
    """What people are told after all of it, once the honest robot's own alert is among it."""

    def heard() -> list[dict[str, Any]]:
        tell_all(hub)
        time.sleep(2)
        found = [alert for alert in alerts(hub) if alert["state"] == "firing"]
        ours = [one for one in found if one["labels"].get("robot") == "honest" and one["name"] == "RobotServiceDown"]
        return found if ours else []

    found: list[dict[str, Any]] = until(heard, "the honest robot's alert fires", seconds=120)
    return found


def test_only_robots_that_exist_raise_alerts(told: list[dict[str, Any]]) -> None:
    assert {alert["labels"].get("robot", "") for alert in told} <= {"rogue", "honest", ""}


def test_the_hub_is_not_spoken_for(told: list[dict[str, Any]]) -> None:
    said = {alert["name"] for alert in told if alert["name"].startswith("TelemetryHub")}
    assert said <= {"TelemetryHubCertificateEnds"}, "which is true of the one that it has here"


def test_one_robot_raises_no_more_alerts_than_its_share(told: list[dict[str, Any]]) -> None:
    raised = Counter((alert["name"], alert["labels"].get("robot")) for alert in told)
    assert raised["RobotServiceDown", "rogue"] >= 20, "it does raise some"
    # which of its services are the worst may change between two looks, and an alert goes on for a moment
    assert max(raised.values()) <= 40, raised
    assert sum(raised.values()) < 300


def test_what_is_told_is_plain_text_of_bounded_length(told: list[dict[str, Any]]) -> None:
    for alert in told:
        for text in alert["annotations"].values():
            assert not set(text) & set('<>\n\x1b{}"'), text
            assert len(text) < 300


@pytest.mark.usefixtures("told")
def test_no_series_bears_the_name_of_another(hub: Hub) -> None:
    assert hub.query('count({job="forged",robot!="rogue"})') == []
    assert hub.query('count({job="forged",robot="rogue"})') != []
    assert hub.query('count({robot="rogue",hub!=""})') == []
    assert hub.query('count({through_door!=""})') == []
    assert hub.query('count({robot="rogue",job="forged",robot_groups!=",robots,"})') == []
    for name in ("vmauth_user_requests_total", "ALERTS"):
        found = hub.query(f'count({{__name__="{name}",robot="rogue",alertname!~"Robot.*"}})')
        assert found == [], name
