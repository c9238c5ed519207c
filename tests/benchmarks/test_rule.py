"""The rule of "it serves" says no for each reason on its own, and yes only where there is none."""

from __future__ import annotations

import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from benchmarks import queries, rule
from benchmarks.queries import Query
from benchmarks.robot import ask

MIB = 1024 * 1024
CALM = rule.Counters("09:00", 50 * MIB, 100, 0, 30 * MIB)
GOOD = {"asked": 5, "empty": 0, "failed": 0, "failures": [], "refused": 0, "refusals": []}


def answers(**changed: Any) -> dict[str, Any]:
    return {"queries": [{**GOOD, **changed}], "pages": []}


def test_a_calm_container_serves() -> None:
    assert rule.of_container("x", CALM, replace(CALM, major_faults=109), 60, 50 * MIB) == []
    assert rule.of_container("x", replace(CALM, limit=None), replace(CALM, limit=None), 60, None) == []


@pytest.mark.parametrize(
    ("after", "why"),
    [
        (replace(CALM, major_faults=110), "10 major faults a minute"),
        (replace(CALM, started_at="09:01"), "started again"),
        (replace(CALM, oom_kills=1), "the kernel killed"),
        (replace(CALM, limit=51 * MIB), "the kernel's limit is"),
        (replace(CALM, limit=None), "the kernel's limit is"),
    ],
)
def test_each_thing_that_can_be_wrong_with_a_container_is_told(after: rule.Counters, why: str) -> None:
    (found,) = rule.of_container("x", CALM, after, 60, 50 * MIB)
    assert why in found


def test_faults_are_counted_by_the_minute() -> None:
    assert rule.faults_per_minute(CALM, replace(CALM, major_faults=105), 30) == 10


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"asked": 0}, "never asked"),
        ({"failed": 1, "failures": ["HTTP 422"]}, "failed 1 of 5: node_load1: HTTP 422"),
        ({"refused": 2, "refusals": ["HTTP 422: too many"]}, "refused 2 of 5: node_load1: HTTP 422: too many"),
        ({"empty": 1}, "without data 1 of 5"),
    ],
)
def test_each_thing_that_can_be_wrong_with_an_answer_is_told(changed: dict[str, Any], why: str) -> None:
    (found,) = rule.of_answers([Query("node_load1")], answers(**changed))
    assert why in found


def test_a_panel_that_may_be_empty_must_still_be_answered() -> None:
    panel = [Query("node_hwmon_temp_celsius", needs_data=False)]
    assert rule.of_answers(panel, answers(empty=5)) == []
    assert rule.of_answers(panel, answers(failed=1, failures=["timed out"]))


def test_what_nobody_promised_to_answer_may_be_refused_but_must_not_fail() -> None:
    asked = [Query("sum(load)", 7 * 86_400, may_be_refused=True)]
    refused = answers(refused=5, refusals=["HTTP 422: too many samples"])
    refused["queries"][0].update(asked[0].asked())
    assert rule.of_answers(asked, refused) == []
    assert rule.refusals(refused) == {"sum(load) over 168 h": "HTTP 422: too many samples"}
    assert rule.refusals(answers()) == {}
    assert rule.of_answers(asked, answers(failed=1, failures=["timed out"]))


def test_graphs_over_weeks_are_asked_as_far_as_the_past_goes() -> None:
    ranges = {query.range_seconds for query in queries.far(30)}
    assert ranges == {86_400, 7 * 86_400, 30 * 86_400}
    assert max(query.range_seconds for query in queries.far(7)) == 7 * 86_400
    promised = {query.expr for query in queries.far(30) if not query.may_be_refused}
    assert promised == {query.expr for query in queries.of_the_dashboards()}


@pytest.mark.parametrize("page", [{**GOOD, "asked": 0}, {**GOOD, "failed": 2, "failures": ["refused"]}])
def test_a_page_that_does_not_answer_is_told(page: dict[str, Any]) -> None:
    assert rule.of_answers([], {"queries": [], "pages": [{**page, "address": "127.0.0.1:9101"}]})


def test_panels_that_may_be_empty_are_panels_that_there_are() -> None:
    known = {query.expr for query in queries.of_the_dashboards()}
    assert known >= queries.EMPTY_ON_SOME_ROBOTS | queries.EMPTY_WHEN_ALL_IS_WELL


def test_prometheus_is_asked_with_windows() -> None:
    asked = {query.in_promql().expr for query in queries.stated()}
    assert "histogram_quantile(0.99, sum(rate(sensor_scrape_duration_seconds_bucket[1m])) by (le))" in asked
    assert "rate(node_pressure_memory_waiting_seconds_total[1m])" in asked
    assert "sum(rate(load_messages_total[5m])) by (module)" in asked


class Collector(BaseHTTPRequestHandler):
    """Answers by the word in the query."""

    def do_GET(self) -> None:
        status, result = (422, "[]") if "refused" in self.path else (200, "[]" if "empty" in self.path else "[1]")
        self.send_response(status)
        self.end_headers()
        self.wfile.write(b'{"status": "success", "data": {"result": %s}}' % result.encode())

    def log_message(self, *words: object) -> None:
        """Say nothing."""


def test_answers_are_counted_as_they_came() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"127.0.0.1:{server.server_address[1]}"
    asked = [Query("good"), Query("empty"), Query("refused")]
    found = ask.run(
        {"collector": address, "pages": [address, "127.0.0.1:1"], "seconds": 0.3, "refresh_seconds": 0.1,
         "queries": [query.asked() for query in asked]}
    )  # fmt: skip
    server.shutdown()
    assert [(q["refused"] > 0, q["empty"] > 0) for q in found["queries"]] == [
        (False, False),
        (False, True),
        (True, False),
    ]
    assert "HTTP 422" in found["queries"][2]["refusals"][0]
    assert not any(q["failed"] for q in found["queries"])
    assert [page["failed"] > 0 for page in found["pages"]] == [False, True]
    assert len(rule.of_answers(asked, found)) == 3
