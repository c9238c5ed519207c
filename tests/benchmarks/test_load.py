"""The load is what it says: a stated number of series, a stated share of them replaced, the same for whoever reads."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import urlopen

import pytest
from ansible_collections.robotfleet.stack.plugins.filter.victoriametrics_fit import fit
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from benchmarks import queries
from benchmarks.robot import load

NOW = 1_800_000_000.0
SERIES = st.integers(min_value=load.HISTOGRAM_SERIES, max_value=3000)


def names(series: int, now: float) -> set[str]:
    return {name for name, _ in load.samples(series, now)}


@given(series=SERIES)
def test_a_page_has_exactly_the_stated_number_of_series(series: int) -> None:
    assert len(names(series, NOW)) == len(list(load.samples(series, NOW))) == series


def test_fewer_series_than_a_histogram_has_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 10"):
        load.shares(9)


def test_two_who_read_at_the_same_moment_read_the_same() -> None:
    assert load.page(500, NOW) == load.page(500, NOW)


@given(series=st.integers(min_value=200, max_value=3000), minutes=st.integers(min_value=1, max_value=20))
def test_two_percent_of_the_series_are_replaced_each_minute(series: int, minutes: int) -> None:
    replaced = len(names(series, NOW + 60 * minutes) - names(series, NOW))
    # a histogram's series are replaced together
    assert replaced == pytest.approx(series * 0.02 * minutes, rel=0.25, abs=2 * load.HISTOGRAM_SERIES)


def test_the_page_is_what_collectors_understand() -> None:
    server = load.serve("127.0.0.1:0", 300)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with urlopen(f"http://127.0.0.1:{server.server_address[1]}/metrics", timeout=10) as page:
            families = list(text_string_to_metric_families(page.read().decode()))
    finally:
        server.shutdown()
    assert {family.type for family in families} == {"gauge", "counter", "histogram"}, [f.name for f in families]
    assert sum(len(family.samples) for family in families) == 300


def test_counters_only_grow() -> None:
    earlier, later = dict(load.samples(300, NOW)), dict(load.samples(300, NOW + 30))
    shared = [name for name in earlier if name in later and "_total" in name]
    assert shared
    assert all(int(later[name]) > int(earlier[name]) for name in shared)


def test_the_past_reaches_back_further_than_any_graph_and_brings_no_more_series_than_an_hour_may() -> None:
    past = load.moments(NOW)
    longest = max(query.range_seconds for query in queries.stated())
    assert past == sorted(past)
    assert NOW - past[0] > longest
    assert NOW - past[-1] == load.PAST_STEP_SECONDS
    seen = {
        name
        for moment in past[::40]
        for name, _ in load.samples(1000, moment, NOW - (NOW - moment) * load.PAST_CHURN_SHARE)
    }
    assert 1000 < len(seen) < fit(64, 1000)["max_hourly_series"] - 500


def test_the_past_is_handed_over_scrape_by_scrape(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "PAST_HOURS", 1)
    taken: list[tuple[str, int]] = []

    class Database(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            taken.append((self.path, sum(1 for line in body.splitlines() if line[0] != "#")))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Database)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        load.write_past(f"127.0.0.1:{server.server_port}", 20, NOW, ["job=load"])
    finally:
        server.shutdown()
        server.server_close()
    assert len(taken) == 240
    assert {count for _, count in taken} == {20}
    assert taken[0][0].startswith(
        f"/api/v1/import/prometheus?timestamp={int((NOW - 3600) * 1000)}&extra_label=job%3Dload"
    )
