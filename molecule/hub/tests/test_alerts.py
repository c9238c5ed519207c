"""A robot falls silent: people are told, wherever they look, and told again when it is back."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import quote

import pytest
import telemetry
from door import Answer
from waiting import until

Ask = Callable[..., Answer]
ALERT = {"alertname": "RobotSilent", "robot": "rover"}


def of_rover(alerts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [alert for alert in alerts if ALERT.items() <= alert["labels"].items()]


def told(hub: Any) -> list[dict[str, Any]]:
    """Return what came to Alertmanager's address about rover's silence; what is over is told again for a while."""
    return of_rover([json.loads(line) for line in hub.run("cat /run/alerts.jsonl 2>/dev/null || true").splitlines()])


def moment(words: str) -> datetime:
    return datetime.fromisoformat(words.replace("Z", "+00:00"))


def resolved(alert: dict[str, Any]) -> bool:
    """Whether it was over when it was told; one that goes on ends later, unless it is told again."""
    return moment(alert["endsAt"]) <= moment(alert["received"])


def going_on(hub: Any) -> list[dict[str, Any]]:
    return [alert for alert in told(hub) if not resolved(alert)]


@pytest.fixture(scope="module")
def story(rover: Any, hub: Any, as_user: Ask) -> dict[str, Any]:
    """What people see while rover is cut off, and afterwards."""
    seen: dict[str, Any] = {}

    def look() -> list[dict[str, Any]]:
        return of_rover(json.loads(as_user("reader", "/api/v1/alerts").body)["data"]["alerts"])

    telemetry.arrive(hub, "rover")
    # A new hub waits for its robots' first samples, and tells nobody yet ("pending").
    until(lambda: not look(), "no alert about rover once its samples arrive")
    hub.run("rm -f /run/alerts.jsonl")
    telemetry.cut(rover, "hub")
    try:
        until(lambda: going_on(hub), "Alertmanager is told of the silence")
        seen["told"] = going_on(hub)
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
    until(lambda: any(resolved(alert) for alert in told(hub)), "Alertmanager is told that it is over")
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


def test_the_reader_sees_it_through_the_door(story: dict[str, Any]) -> None:
    assert [alert["state"] for alert in story["while"]] == ["firing"]
    assert [series["metric"]["robot"] for series in story["series"]] == ["rover"], "and nobody else is silent"
    assert story["page"].status == 200
    assert "RobotSilent" in story["page"].body


def test_the_link_in_an_alert_leads_the_reader_to_it(story: dict[str, Any]) -> None:
    assert story["linked"].status == 200
    assert "RobotSilent" in story["linked"].body
