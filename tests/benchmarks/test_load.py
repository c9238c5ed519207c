"""The load is what it says: a stated number of series, a stated share of them replaced, the same for whoever reads."""

from __future__ import annotations

import threading
from urllib.request import urlopen

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from benchmarks import past
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


def test_the_labels_go_on_from_where_the_past_left_them() -> None:
    before = {one.name(NOW * past.BENCHMARK) for one in load.identities(300)}
    now = {name for name, _ in load.samples(300, NOW, load.churned(NOW, NOW, past.BENCHMARK))}
    assert now == before
    later = {name for name, _ in load.samples(300, NOW, load.churned(NOW + 600, NOW, past.BENCHMARK))}
    assert len(later - before) == pytest.approx(300 * 0.2, abs=2 * load.HISTOGRAM_SERIES), "its own churn since then"
