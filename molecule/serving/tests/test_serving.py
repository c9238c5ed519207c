"""Inside their default limits the services serve dashboards at 1,000 series with churn, also after a power cut.

The database has a month behind it: one that has just begun needs less. It is asked for graphs over a week and all of
the month, and judged while it is and afterwards; and again after the power cut, when nothing is in the page cache:
whoever reads a page first is charged for it, and before the cut that may have been somebody else.
"""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import browsing
import power
import pytest
from browsing import ARTIFACTS, chromium
from login import page_of
from playwright.sync_api import Response

from benchmarks import queries, rule
from benchmarks.queries import Query

PROJECT = Path(__file__).resolve().parents[3]

MIB = 1024 * 1024
SERVICES = ("sensor_service", "victoriametrics")
WARM_UP_SECONDS = 30
WINDOW_SECONDS = 30
DAYS = 30
PATIENT_LOOKS = 4  # of half a minute each, until it has got over the month
DAY, WEEK = 86_400, 7 * 86_400
PORT = 18498
HEADER = ".vm-predefined-dashboard-header__title"
PAGES = {
    page["title"]: {row["title"]: {expr for panel in row["panels"] for expr in panel["expr"]} for row in page["rows"]}
    for page in (json.loads(path.read_text(encoding="utf-8")) for path in sorted(queries.DASHBOARDS.glob("*.json")))
}


def ask(robot: Any, seconds: int, asked: Sequence[Query]) -> Any:
    questions = queries.questions("127.0.0.1:8428", ["127.0.0.1:9101"], asked, seconds)
    words = base64.b64encode(json.dumps(questions).encode()).decode()
    return json.loads(robot.run(f"echo {words} | base64 -d | python3 /opt/load/ask.py"))


def counters(robot: Any, service: str) -> rule.Counters:
    directory = robot.cgroup(robot.pid(service))
    pairs = [line.split() for line in robot.run(f"cat {directory}/memory.stat").splitlines()]
    stat = {key: int(value) for key, value in pairs}
    first = directory.startswith("/sys/fs/cgroup/memory")
    events = robot.run(f"cat {directory}/{'memory.oom_control' if first else 'memory.events'}")
    killed = re.search(r"^oom_kill (\d+)$", events, re.M)
    used = int(robot.run(f"cat {directory}/{'memory.usage_in_bytes' if first else 'memory.current'}"))
    return rule.Counters(
        started_at=robot.started_at(service),
        limit=robot.limits(directory)[0],
        major_faults=stat["total_pgmajfault" if first else "pgmajfault"],
        oom_kills=int(killed[1]) if killed else 0,
        working_set=used - stat["total_inactive_file" if first else "inactive_file"],
    )


def judge(robot: Any, moment: str, asked: Sequence[Query]) -> list[str]:
    """Ask for half a minute, or open a page's graphs once within a minute; return what speaks against the promise."""
    before = {service: counters(robot, service) for service in SERVICES}
    begun = time.monotonic()
    window = WINDOW_SECONDS * (1 if asked[0].range_seconds < queries.FAR[0] else 2)
    answers = ask(robot, window, asked)
    after = {service: counters(robot, service) for service in SERVICES}
    seconds = time.monotonic() - begun
    found = rule.of_answers(asked, answers)
    for service in SERVICES:
        limit = robot.declared(f"{service}_memory_limit_mib") * MIB
        found += rule.of_container(service, before[service], after[service], seconds, limit)
    ARTIFACTS.mkdir(exist_ok=True)
    kept = {
        "answers": answers,
        "containers": {
            service: {
                "working_set_mib": round(after[service].working_set / MIB, 1),
                "major_faults_per_minute": rule.faults_per_minute(before[service], after[service], seconds),
            }
            for service in SERVICES
        },
        "refused": rule.refusals(answers),
        "against": found,
    }
    (ARTIFACTS / f"serving-{moment}.json").write_text(json.dumps(kept, indent=1), encoding="utf-8")
    return found


def only_value(robot: Any, expression: str) -> float:
    return float(robot.query(expression)[0]["value"][1])


def test_the_load_is_a_thousand_series_of_which_some_are_replaced_and_has_a_past(robot: Any) -> None:
    days = only_value(robot, '(now() - min(tfirst_over_time(load_messages_total{topic="t600"}[31d]))) / 86400')
    assert days == pytest.approx(DAYS, abs=0.5)
    assert only_value(robot, 'count({__name__=~"load_.*"} offset 30s)') >= robot.declared("load_series")
    assert only_value(robot, 'max_over_time(scrape_samples_scraped{job="load"}[1m])') == robot.declared("load_series")


def test_the_defaults_serve_dashboards_at_a_thousand_series(robot: Any) -> None:
    # a rate takes the watchdog a minute, and a graph shows what is older than 30 s
    assert robot.query("robot_stack_service_major_faults_per_minute"), "the watchdog has not looked twice"
    ask(robot, WARM_UP_SECONDS, queries.stated())
    assert judge(robot, "first", queries.stated()) == []
    seen = only_value(robot, 'count(last_over_time({__name__=~"load_.*"}[10m]))')
    assert seen > robot.declared("load_series") * 1.02, "series were replaced meanwhile"
    assert only_value(robot, "sum(vm_hourly_series_limit_rows_dropped_total)") == 0, "no series was refused"


def graphs_over_weeks(robot: Any, moment: str, seconds: int, longest_calm: int) -> list[str]:
    """Open all graphs over so many seconds once; return what speaks against the promise.

    What more than ``longest_calm`` seconds are read for costs some program text (docs/benchmark.md), but not for long.
    """
    found = judge(robot, moment, [query for query in queries.far(DAYS) if query.range_seconds == seconds])
    if seconds > longest_calm:
        found = [words for words in found if "major faults" not in words]
    return found


def in_the_end(robot: Any, moment: str) -> list[list[str]]:
    """Ask what a dashboard asks until nothing speaks against the promise, some minutes at most; return what did."""
    found = [judge(robot, f"{moment}-0", queries.stated())]
    while found[-1] and len(found) < PATIENT_LOOKS:
        found.append(judge(robot, f"{moment}-{len(found)}", queries.stated()))
    return found


@pytest.mark.parametrize("seconds", queries.FAR[1:])
def test_graphs_over_weeks_are_answered_or_refused_and_harm_nobody(robot: Any, seconds: int) -> None:
    assert graphs_over_weeks(robot, f"over-{seconds}-s", seconds, WEEK) == []


@pytest.mark.parametrize("title", sorted(PAGES))
def test_the_pages_are_drawn_over_a_week(robot: Any, title: str) -> None:
    """Opened in a browser, as an operator does; every panel is answered, and the database is none the worse for it."""
    answered: dict[str, int] = {}

    def keep(response: Response) -> None:
        if "/api/v1/query_range" in response.url:
            asked = parse_qs(response.request.post_data or urlsplit(response.url).query)
            assert float(asked["end"][0]) - float(asked["start"][0]) == pytest.approx(WEEK, rel=0.01)
            answered[asked["query"][0]] = response.status

    before, begun = counters(robot, "victoriametrics"), time.monotonic()
    with page_of(robot, 8428, PORT) as address, chromium() as browser:
        page = browser.new_page(viewport={"width": 1400, "height": 7000})
        page.on("response", keep)
        page.goto(f"{address}/vmui/#/dashboards?g0.range_input=7d&g0.relative_time=last_7_days")
        page.get_by_text(title, exact=True).first.click(timeout=browsing.PATIENCE_MS)
        first, *others = (page.locator(HEADER, has_text=row) for row in PAGES[title])
        first.wait_for(timeout=browsing.PATIENCE_MS)
        for row in others:  # the first one is open
            row.dispatch_event("click")
        browsing.until(page, lambda: set().union(*PAGES[title].values()) <= answered.keys(), "each panel asked")
        page.wait_for_load_state("networkidle", timeout=browsing.PATIENCE_MS)
        page.screenshot(path=str(ARTIFACTS / f"serving-{title.lower().replace(' ', '-')}.png"), full_page=True)
    after, seconds = counters(robot, "victoriametrics"), max(60.0, time.monotonic() - begun)
    assert set(answered.values()) == {200}, answered
    limit = robot.declared("victoriametrics_memory_limit_mib") * MIB
    assert rule.of_container("victoriametrics", before, after, seconds, limit) == []


def test_they_serve_as_before_afterwards(robot: Any) -> None:
    """Within some minutes, while a dashboard is open."""
    found = in_the_end(robot, "afterwards")
    assert found[-1] == [], found


def test_they_serve_again_after_a_cold_boot(robot: Any) -> None:
    before = only_value(robot, "tfirst_over_time(node_load1[1h])")
    started = {service: robot.started_at(service) for service in SERVICES}
    assert power.cut(robot) > 0, "what it has stored is read from the disk again"
    for service in SERVICES:
        power.wait_until(robot, f"docker ps --format '{{{{.Names}}}}' | grep -x robot-stack-{service}")
    assert all(robot.started_at(service) != started[service] for service in SERVICES)
    ask(robot, WARM_UP_SECONDS, queries.stated())
    assert judge(robot, "after-cold-boot", queries.stated()) == []
    assert only_value(robot, "tfirst_over_time(node_load1[1h])") == before, "its history is still there"


@pytest.mark.parametrize("seconds", queries.FAR[1:])
def test_after_a_cold_boot_graphs_over_weeks_harm_nobody_either(robot: Any, seconds: int) -> None:
    """The text that it throws out now is its own."""
    assert graphs_over_weeks(robot, f"after-cold-boot-over-{seconds}-s", seconds, DAY) == []


def test_after_a_cold_boot_they_serve_as_before_afterwards_too(robot: Any) -> None:
    found = in_the_end(robot, "after-cold-boot-afterwards")
    assert found[-1] == [], found
    assert only_value(robot, "sum(vm_hourly_series_limit_rows_dropped_total)") == 0, "no series was refused"
