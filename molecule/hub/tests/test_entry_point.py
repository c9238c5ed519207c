"""Who may do what: asked over the network, from a robot, with the certificate that robots are given."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import entry_point
import forging
import pytest
import telemetry
from entry_point import Answer, Question

Ask = Callable[..., Answer]
WRITE = "/api/v1/write"


@pytest.mark.parametrize("path", ["/api/v1/query?query=up", WRITE, "/vmui/", "/metrics", "/-/reload", "/"])
def test_without_a_credential_there_is_nothing(scout: Any, authority: str, path: str) -> None:
    assert entry_point.ask(scout, Question(path, authority)).status == 401


@pytest.mark.parametrize("user", ["reader", "scout", "nobody"])
def test_a_wrong_password_is_refused(scout: Any, authority: str, passwords: dict[str, str], user: str) -> None:
    for password in ("wrong", passwords["rover"]):
        assert entry_point.ask(scout, Question("/api/v1/query?query=up", authority, user, password)).status == 401
        assert entry_point.ask(scout, Question(WRITE, authority, user, password, "")).status == 401


def test_the_reader_reads(as_user: Ask) -> None:
    found = as_user("reader", "/api/v1/query?query=" + quote('count by (robot) (up{robot!=""})')).series()
    assert {series["metric"]["robot"] for series in found} == {"scout", "rover"}
    assert as_user("reader", "/vmui/").status == 200


@pytest.mark.parametrize(
    "path",
    ["/api/v1/query?query=up", "/api/v1/export?match[]=up", "/federate?match[]=up", "/vmui/", "/vmalert/", "/metrics"],
)
def test_a_robot_cannot_read(as_user: Ask, path: str) -> None:
    assert as_user("scout", path).status == 400


@pytest.mark.parametrize(
    "path",
    [
        WRITE,
        "/api/v1/import",
        "/api/v1/import/prometheus",
        "/write",
        "/api/v1/admin/tsdb/delete_series?match[]=up",
        "/internal/force_merge",
        "/internal/resetRollupResultCache",
        "/snapshot/create",
        "/metrics",
        "/flags",
        "/config",
        "/-/reload",
        "/debug/pprof/heap",
        "/nowhere",
        "/vmui/../api/v1/admin/tsdb/delete_series?match[]=up",
    ],
)
def test_the_reader_cannot_write_or_delete(as_user: Ask, path: str) -> None:
    for body in (None, "forged 1\n"):
        assert as_user("reader", path, body).status == 400


@pytest.mark.parametrize("path", ["/api/v1/import/prometheus", "/api/v1/admin/tsdb/delete_series", "/nowhere"])
def test_a_robot_has_one_path(as_user: Ask, path: str) -> None:
    assert as_user("scout", path, "forged 1\n").status == 400


def test_what_was_refused_left_nothing_and_took_nothing(hub: Any) -> None:
    assert hub.query_now("forged") == []
    assert len(hub.query("up")) > 3


def test_a_robot_cannot_write_as_another(scout: Any, hub: Any, authority: str, passwords: dict[str, str]) -> None:
    assert forging.write_as_another(scout, "rover", "hub", "forged_name", authority, passwords["scout"]) == "204"
    now = time.time()
    (labels,) = telemetry.exported(hub, "forged_name", (now - 600, now + 600))
    assert dict(labels)["robot"] == "scout"
