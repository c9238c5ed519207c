"""A robot falls silent: people are told, wherever they look, and told again when it is back."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import alerts
import pytest
import telemetry
from entry_point import Answer
from waiting import until

Ask = Callable[..., Answer]
ALERT = {"alertname": "RobotSilent", "robot": "rover"}


@pytest.fixture(scope="module")
def story(rover: Any, hub: Any, as_user: Ask) -> dict[str, Any]:
    """What people see while rover is cut off, and afterwards."""
    seen: dict[str, Any] = {}

    def look() -> list[dict[str, Any]]:
        found = json.loads(as_user("reader", "/api/v1/alerts").body)["data"]["alerts"]
        return [alert for alert in found if ALERT.items() <= alert["labels"].items()]

    telemetry.arrive(hub, "rover")
    # A new hub waits for its robots' first samples, and tells nobody yet ("pending").
    until(lambda: not look(), "no alert about rover once its samples arrive")
    hub.run("rm -f /run/alerts.jsonl")
    telemetry.cut(rover, "hub")
    try:
        until(lambda: alerts.going_on(hub, **ALERT), "Alertmanager is told of the silence")
        seen["told"] = alerts.going_on(hub, **ALERT)
        seen["while"] = look()
        firing = quote('ALERTS{alertname="RobotSilent",alertstate="firing"}')
        seen["series"] = until(
            lambda: as_user("reader", f"/api/v1/query?query={firing}&latency_offset=1s&nocache=1").series(),
            "the alert is a series, too",
        )
        seen["linked"] = as_user("reader", seen["told"][0]["generatorURL"].removeprefix("https://hub:8427"))
        seen["page"] = as_user("reader", "/vmalert/groups")
    finally:
        telemetry.mend(rover, "hub")
    hub.run("rm -f /run/alerts.jsonl")
    until(lambda: any(map(alerts.resolved, alerts.told(hub, **ALERT))), "Alertmanager is told that it is over")
    seen["after"] = look()
    return seen


def test_a_robot_that_sends_again_is_not_called_silent(story: dict[str, Any]) -> None:
    assert story["after"] == []


def test_alertmanager_is_told_which_robot_and_what_to_do(story: dict[str, Any]) -> None:
    alert = story["told"][0]
    assert alert["labels"]["severity"] == "critical"
    assert alert["annotations"]["summary"] == "rover has sent nothing for 20s"
    assert "network" in alert["annotations"]["description"]
    assert alert["generatorURL"].startswith("https://hub:8427/")


def test_the_reader_sees_it_through_the_entry_point(story: dict[str, Any]) -> None:
    assert [alert["state"] for alert in story["while"]] == ["firing"]
    assert [series["metric"]["robot"] for series in story["series"]] == ["rover"], "and nobody else is silent"
    assert story["page"].status == 200
    assert "RobotSilent" in story["page"].body


def test_the_link_in_an_alert_leads_the_reader_to_it(story: dict[str, Any]) -> None:
    assert story["linked"].status == 200
    assert "RobotSilent" in story["linked"].body
