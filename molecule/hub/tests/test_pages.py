"""The fleet's pages at the hub, opened in a browser through an SSH tunnel, with the reader's login."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import browsing
import pytest
from browsing import ARTIFACTS, chromium
from login import page_of
from playwright.sync_api import Browser, HttpCredentials, Response

PROJECT = Path(__file__).resolve().parents[3]
DASHBOARDS = PROJECT / "roles" / "telemetry_hub" / "files" / "dashboards"
PORT = 18461
HEADER = ".vm-predefined-dashboard-header__title"
PAGES = {"Fleet": "fleet.json", "Sensors": "sensors.json", "Robot scout": "robot.json"}  # title -> file of the role
# What need not have happened, and what no robot of the testbed has.
NOTHING_TO_TELL = {"Silent robots", "Firing alerts", "Sensors that fail to answer"}
NO_SUCH_SENSOR = {"Robots with too little voltage", "Wi-Fi signal"}


@pytest.fixture(scope="module")
def tunnel(hub: Any) -> Iterator[str]:
    with page_of(hub, 8426, PORT) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


def queries(row: dict[str, Any]) -> set[str]:
    return {query for panel in row["panels"] for query in panel["expr"]}


def _open(browser: Browser, address: str, password: str, title: str, rows: dict[str, set[str]]) -> dict[str, int]:
    """Open a dashboard and each of its rows until every query of theirs is answered, and keep a picture.

    Return how many series each query was answered with.
    """
    seen: dict[str, int] = {}

    def keep(response: Response) -> None:
        if "/api/v1/query_range" in response.url and response.ok:
            asked = parse_qs(response.request.post_data or urlsplit(response.url).query)
            seen[asked["query"][0]] = len(response.json()["data"]["result"])

    login: HttpCredentials = {"username": "reader", "password": password}
    with browser.new_context(viewport={"width": 1400, "height": 7000}, http_credentials=login) as context:
        page = context.new_page()
        page.on("response", keep)
        page.goto(f"{address}/vmui/#/dashboards?g0.range_input=5m&g0.relative_time=last_5_minutes")
        page.get_by_text(title, exact=True).first.click(timeout=browsing.PATIENCE_MS)
        first, *others = (page.locator(HEADER, has_text=re.compile(f"^{row}$")) for row in rows)
        first.wait_for(timeout=browsing.PATIENCE_MS)
        for row in others:  # the first one is open
            row.dispatch_event("click")
        browsing.until(page, lambda: set().union(*rows.values()) <= seen.keys(), "each panel asked")
        page.wait_for_load_state("networkidle", timeout=browsing.PATIENCE_MS)  # what is answered is drawn
        page.screenshot(path=str(ARTIFACTS / f"hub-{title.lower().replace(' ', '-')}.png"), full_page=True)
    return seen


@pytest.mark.parametrize("title", sorted(PAGES))
def test_every_panel_that_must_have_data_has_some(
    browser: Browser, tunnel: str, passwords: dict[str, str], hub: Any, title: str
) -> None:
    past = hub.query('count(count_over_time(up{robot!="",job="sensor_service"}[1m]) > 10) == 2')
    assert past, "there is a past to draw, of both robots"
    words = (DASHBOARDS / PAGES[title]).read_text(encoding="utf-8").replace("ROBOT", "scout")
    silent = str(hub.declared("telemetry_hub_alert_silent_interval"))
    words = words.replace("READER", "reader").replace("OTHERHOST", "hub").replace("SILENT", silent)
    rows = json.loads(words)["rows"]
    seen = _open(browser, tunnel, passwords["reader"], title, {row["title"]: queries(row) for row in rows})
    panels = {panel["title"]: panel["expr"] for row in rows for panel in row["panels"]}
    empty = {name for name, asked in panels.items() if not any(seen[query] for query in asked)}
    assert empty <= NOTHING_TO_TELL | NO_SUCH_SENSOR
