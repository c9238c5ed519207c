"""VMUI, opened in a browser through an SSH tunnel as an operator would, draws what the robot's sensors said."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import browsing
import other_origin
import pytest
from browsing import ARTIFACTS, chromium
from login import page_of
from playwright.sync_api import Response
from waiting import until

PORT = 18499
SERIES = 'container_memory_working_set_bytes{service="victoriametrics"}'


@pytest.fixture
def tunnel(robot: Any) -> Iterator[str]:
    with page_of(robot, 8428, PORT) as address:
        yield address


def _answers(url: str, query: dict[str, str]) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{url}/api/v1/query_range?{urlencode(query)}", timeout=60) as page:
        result: list[dict[str, Any]] = json.load(page)["data"]["result"]
    return result


def _result(url: str) -> list[Any]:
    with urllib.request.urlopen(url, timeout=60) as page:
        found: list[Any] = json.load(page)["data"]["result"]
    return found


def _open(address: str, screenshot: str) -> list[tuple[str, Any]]:
    """Open a page, wait until it has values to draw, keep a picture, and return its range queries that have some."""
    seen: list[tuple[str, Any]] = []

    def keep(response: Response) -> None:
        if "/api/v1/query_range" in response.url and response.ok:
            answer = response.json()
            if answer["data"]["result"]:
                seen.append((response.request.post_data or urlsplit(response.url).query, answer))

    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.on("response", keep)
        page.goto(address)
        page.wait_for_selector("canvas", timeout=browsing.PATIENCE_MS)
        browsing.until(page, lambda: bool(seen), "the page asked, and got values")
        page.wait_for_load_state("networkidle", timeout=browsing.PATIENCE_MS)
        page.screenshot(path=str(ARTIFACTS / screenshot))
    return seen


def test_the_page_draws_what_the_api_returns(robot: Any, tunnel: str) -> None:
    assert robot.query(f"count_over_time({SERIES}[5m]) > 30"), "a minute of samples is there"
    seen = _open(f"{tunnel}/vmui/#/?g0.expr={quote(SERIES)}&g0.range_input=2m&g0.tab=0", f"vmui-{robot.name}.png")
    asked = {key: values[0] for key, values in parse_qs(seen[-1][0]).items()}
    [page], [api] = seen[-1][1]["data"]["result"], _answers(tunnel, asked)
    assert page["metric"] == api["metric"]
    # VictoriaMetrics fills the newest 30 s in later (-search.latencyOffset): what is older must not move
    settled = [tuple(point) for point in page["values"] if point[0] < float(asked["end"]) - 35]
    assert len(settled) > 10
    assert set(settled) <= {tuple(point) for point in api["values"]}


def test_a_dashboard_is_there_when_it_is_opened(robot: Any, tunnel: str) -> None:
    assert robot.query("node_load1")
    assert _open(f"{tunnel}/vmui/#/dashboards", f"dashboards-{robot.name}.png")


def test_a_page_of_another_origin_reads_nothing_and_deletes_nothing(tunnel: str) -> None:
    """In the browser of somebody who has a tunnel open, and any web site in another tab."""
    delete = "/api/v1/admin/tsdb/delete_series?match[]=vm_app_version"
    past = f"{tunnel}/api/v1/query?query=vm_app_version+offset+1m"
    until(lambda: _result(past), "it has a past")
    reads = ["/api/v1/query?query=up", "/api/v1/export?match[]=up", "/metrics", "/flags"]
    told = other_origin.told(
        tunnel,
        [("GET", "cors", path) for path in reads]
        + [(method, mode, delete) for method in ("GET", "POST") for mode in ("cors", "no-cors")],
    )
    assert told == [""] * 8
    # what was deleted and is scraped again has no past
    assert _result(past)
