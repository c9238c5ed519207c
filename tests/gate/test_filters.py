"""VictoriaMetrics is fitted into its limit, whatever the limit; flags become a command line."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta

import pytest
from ansible_collections.robotfleet.stack.plugins.filter import vmagent_fit, vmauth_fit, vminsert_fit
from ansible_collections.robotfleet.stack.plugins.filter.command_flags import command_flags
from ansible_collections.robotfleet.stack.plugins.filter.flag_values import flag_values
from ansible_collections.robotfleet.stack.plugins.filter.victoriametrics_disk import INDEX_MIB, disk_mib
from ansible_collections.robotfleet.stack.plugins.filter.victoriametrics_fit import MIB, fit
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.base.durations import seconds
from ansible_collections.robotfleet.stack.plugins.plugin_utils.telemetry import blocks
from hypothesis import given
from hypothesis import strategies as st

LIMITS = st.integers(min_value=1, max_value=64 * 1024)
SERIES = st.integers(min_value=1, max_value=1_000_000)
FLAG_VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.lists(st.text(), max_size=3))


@given(limit=LIMITS, more=st.integers(min_value=0, max_value=4096), series=SERIES)
def test_no_setting_shrinks_when_the_limit_grows(limit: int, more: int, series: int) -> None:
    small, large = fit(limit, series), fit(limit + more, series)
    assert {name for name in small if large[name] < small[name]} == set()


@given(limit=LIMITS, series=SERIES, more=st.integers(min_value=0, max_value=100_000))
def test_no_setting_shrinks_when_series_are_added(limit: int, series: int, more: int) -> None:
    few, many = fit(limit, series), fit(limit, series + more)
    assert {name for name in few if many[name] < few[name]} == set()


@given(limit=LIMITS, series=SERIES)
def test_caches_and_heap_stay_below_the_limit(limit: int, series: int) -> None:
    fitted = fit(limit, series)
    assert 0 < fitted["allowed_bytes"] <= limit * MIB // 2
    assert fitted["max_memory_per_query_bytes"] <= fitted["allowed_bytes"]
    assert 1 <= fitted["gomemlimit_mib"] <= max(1, limit - 1)


def test_five_thousand_series_have_the_heap_that_their_floor_was_measured_with() -> None:
    assert fit(62, 5000)["gomemlimit_mib"] == 34
    assert fit(96, 5000)["gomemlimit_mib"] == 54, "more memory is not for the heap alone"


def test_the_default_limit_gives_the_measured_settings() -> None:
    fitted = fit(64, 1000)
    assert fitted["gomemlimit_mib"] == 22
    assert fitted["allowed_bytes"] == 24 * MIB
    assert (fitted["index_data_bytes"], fitted["index_blocks_bytes"]) == (2 * MIB, MIB)
    assert (fitted["keeps_answers"], fitted["maps_files"]) == (0, 0)
    assert fitted["max_concurrent_requests"] == 1


@given(limit=LIMITS, series=SERIES)
def test_the_indexs_caches_are_never_larger_than_they_would_be_by_themselves(limit: int, series: int) -> None:
    fitted = fit(limit, series)
    assert 0 < fitted["index_data_bytes"] <= max(1, fitted["allowed_bytes"] // 4), "0 would mean: its own default"
    assert 0 < fitted["index_blocks_bytes"] <= max(1, fitted["allowed_bytes"] // 10)


@given(limit=LIMITS, series=SERIES)
def test_no_scrape_waits_for_the_bound_on_what_is_taken_in(limit: int, series: int) -> None:
    assert fit(limit, series)["max_ingestion_rate"] >= 2 * series, "each second all of them, and somebody who writes"


MONTH = 30 * 86_400


@given(limit=LIMITS, series=SERIES)
def test_a_day_of_half_of_all_and_a_month_of_a_panel_are_within_the_bound(limit: int, series: int) -> None:
    samples = fit(limit, series)["max_samples_per_query"]
    assert samples > 1.3 * 0.5 * series * 86_400 / 15
    assert samples > 20 * MONTH / 15


@given(limit=st.integers(min_value=48, max_value=1024), series=SERIES)
def test_an_aggregate_by_label_is_answered(limit: int, series: int) -> None:
    counted = 1000 * (1000 + 301 * 16)  # as VictoriaMetrics counts a graph of 301 points, from 1,000 series on
    assert fit(limit, series)["max_memory_per_query_bytes"] > counted


SMALLEST_DATABASE_MIB = 40


@given(limit=st.integers(min_value=SMALLEST_DATABASE_MIB, max_value=64 * 1024), series=SERIES)
def test_all_requests_at_once_fit_into_the_limit_and_a_block_into_a_request(limit: int, series: int) -> None:
    fitted = fit(limit, series)
    assert blocks.LARGEST_BLOCK_BYTES <= fitted["max_insert_request_bytes"] <= blocks.LARGEST_REQUEST_BYTES
    taken = fitted["max_concurrent_inserts"] * fitted["max_insert_request_bytes"] * blocks.UNPACKED_TIMES
    assert taken <= 0.6 * limit * MIB


@given(limit=st.integers(min_value=1, max_value=64 * 1024))
def test_no_agent_makes_a_block_that_a_database_refuses(limit: int) -> None:
    fitted = vmagent_fit.fit(limit)
    assert 0 < fitted["max_block_bytes"] <= blocks.LARGEST_BLOCK_BYTES
    assert 0 < fitted["max_rows_per_block"] <= blocks.LARGEST_BLOCK_ROWS
    assert fitted["max_insert_request_bytes"] * blocks.UNPACKED_TIMES <= max(limit * MIB / 4, blocks.UNPACKED_TIMES)


@given(limit=st.integers(min_value=48, max_value=4096), more=st.integers(min_value=0, max_value=4096))
def test_what_robots_send_at_once_fits_into_the_part_of_a_cluster_that_takes_it(limit: int, more: int) -> None:
    fitted, larger = vminsert_fit.fit(limit), vminsert_fit.fit(limit + more)
    assert {name for name in fitted if larger[name] < fitted[name]} == set()
    assert blocks.LARGEST_BLOCK_BYTES <= fitted["max_insert_request_bytes"] <= blocks.LARGEST_REQUEST_BYTES
    taken = fitted["max_concurrent_inserts"] * fitted["max_insert_request_bytes"] * blocks.UNPACKED_TIMES
    assert taken + fitted["allowed_bytes"] // 8 <= 0.6 * limit * MIB
    assert fitted["gomemlimit_mib"] < limit


@given(limit=st.integers(min_value=48, max_value=4096), more=st.integers(min_value=0, max_value=4096))
def test_buffers_and_connections_fit_into_the_entry_point(limit: int, more: int) -> None:
    fitted, larger = vmauth_fit.fit(limit), vmauth_fit.fit(limit + more)
    assert {name for name in fitted if larger[name] < fitted[name]} == set()
    assert fitted["request_buffer_bytes"] > blocks.LARGEST_REQUEST_BYTES, "the database refuses what is larger at once"
    buffers = fitted["max_concurrent_requests"] * fitted["request_buffer_bytes"] * vmauth_fit.BUFFER_TIMES
    connections = fitted["open_files_limit"] * vmauth_fit.KIB_PER_CONNECTION * 1024
    assert buffers + connections + vmauth_fit.AT_REST_MIB * MIB <= limit * MIB


def test_fifty_slow_robots_leave_room_at_the_default_entry_point() -> None:
    assert vmauth_fit.fit(64)["max_concurrent_requests"] > 50


def test_flags_are_sorted_words_and_null_drops_one() -> None:
    flags = {"retentionPeriod": "30d", "promscrape.noStaleMarkers": True, "dropped": None, "label": ["a=1", "b=2"]}
    assert command_flags(flags) == [
        "-label=a=1",
        "-label=b=2",
        "-promscrape.noStaleMarkers=true",
        "-retentionPeriod=30d",
    ]


@given(values=st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"])), min_size=1))
def test_several_values_in_one_flag_are_what_they_were(values: list[str]) -> None:
    """As the programs take a flag apart: at commas that are not between quotes."""
    told = re.findall(r'(?:^|,)("(?:[^"\\]|\\.)*"|[^,]*)', flag_values(values))
    assert [json.loads(one) if one.startswith('"') else one for one in told] == values
    assert flag_values(["scout", ""]) == "scout,", "what needs no quotes has none"


@given(flags=st.dictionaries(st.text(min_size=1), FLAG_VALUES))
def test_the_same_flags_are_always_the_same_command_line(flags: dict[str, object]) -> None:
    words = command_flags(flags)
    assert words == command_flags(dict(reversed(flags.items())))
    assert all(word.startswith("-") for word in words)
    kept = [value if isinstance(value, list) else [value] for value in flags.values() if value is not None]
    assert len(words) == sum(map(len, kept))


def test_the_disk_holds_every_sample_until_its_month_leaves() -> None:
    # 1,000 series, four samples a minute, 30 and 31 days, two bytes each: 671 MiB; the index 32; 512 stay free
    assert disk_mib(1000, "15s", "30d", 512) == 671 + 32 + 512
    assert disk_mib(1000, "1m", "30d", 512) < disk_mib(1000, "15s", "30d", 512) < disk_mib(1000, "15s", "60d", 512)


@given(
    today=st.dates(min_value=date(2024, 1, 1), max_value=date(2032, 12, 31)),
    retention=st.integers(min_value=1, max_value=400),
)
def test_the_disk_holds_what_is_there_on_any_day(today: date, retention: int) -> None:
    """A month goes when all of it is older than the retention: what is left then begins on the first of one."""
    oldest_needed = today - timedelta(days=retention)
    held = (today - oldest_needed.replace(day=1)).days
    a_day = 86_400 * 2 / MIB  # one series, one sample a second, two bytes
    assert disk_mib(1, "1s", f"{retention}d", 0) - INDEX_MIB >= held * a_day


@pytest.mark.parametrize(("text", "value"), [("500ms", 0.5), ("1h30m", 5400), ("1.5d", 129600), ("2w", 1209600)])
def test_a_duration_is_read_in_seconds(text: str, value: float) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["", "30", "d", "30 d", "30x", "3d4"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        seconds(text)
