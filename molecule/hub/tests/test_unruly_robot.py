"""A robot with ever new labels: shut out and named in an alert, a cost to nobody else, and back with its samples."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import alerts
import entry_point
import figures
import pytest
import telemetry
from attacks import remote_write
from waiting import until

AT_ONCE = 1000
Send = Callable[[str, range], int]


@pytest.fixture
def send(scout: Any, authority: str, passwords: dict[str, str]) -> Send:
    """Have a robot's password bring one sample each of series that are told by their numbers; return the status."""

    def sent(user: str, numbers: range) -> int:
        names = ({"__name__": "runaway", "n": str(number)} for number in numbers)
        body = base64.b64encode(remote_write.packed(remote_write.message(names))).decode()
        asked = entry_point.Question("/api/v1/write", authority, user, passwords[user], body, encoded=True)
        return entry_point.ask(scout, asked).status

    return sent


def test_a_runaway_is_named_costs_nobody_else_and_comes_back(
    hub: Any,
    rover: Any,
    playbook: Any,
    send: Send,
    as_user: Callable[..., entry_point.Answer],
) -> None:
    asked = "/api/v1/query?query=" + quote('robot_stack_series_share{username="rover"}')
    (told,) = until(lambda: as_user("reader", asked).series(), "the hub says what rover's share is")
    share = int(told["value"][1])
    hub.run("rm -f /run/alerts.jsonl")
    began = telemetry.settled(hub, "rover")
    flooded = time.time()
    for first in range(0, share + AT_ONCE, AT_ONCE):
        assert send("rover", range(first, first + AT_ONCE)) == 204
    (alert, *_) = until(
        lambda: alerts.going_on(hub, alertname="RobotShutOut", robot="rover"),
        "Alertmanager is told which robot runs away",
    )
    figures.keep("hub", "runaway", {"seconds_until_told": round(time.time() - flooded)})
    assert "telemetry_hub_series_shares" in alert["annotations"]["description"]
    assert alerts.going_on(hub, alertname="RobotShutOut", robot="scout") == []
    assert send("rover", range(1)) in (502, 503)
    assert send("scout", range(1)) == 204
    found = quote('runaway{robot="scout"}')
    until(
        lambda: as_user("reader", f"/api/v1/query?query={found}&latency_offset=1s").series(), "scout's new series is in"
    )
    raised = {"telemetry_hub_series_shares": {"rover": 2 * share - AT_ONCE}}
    for variables in (raised, {}):  # in the end it has the share again that the inventory gives it
        done = playbook("playbooks/hub.yml", "--limit", "telemetry_hub", "-e", json.dumps(variables))
        assert done.returncode == 0, done.stdout
        telemetry.arrive(hub, "rover")
    telemetry.drained(rover)
    ended = telemetry.settled(hub, "rover")
    assert telemetry.ledger(hub, "rover", (began, ended)).lost_answers() == []
