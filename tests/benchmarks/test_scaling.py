"""What is said of hosts that were not measured is arithmetic on what was, and the page says the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import product, report, results, scale_tables, scaling

A_FLEET = {
    "robots": 10,
    "series": 3000,
    "limit_mib": 1024,
    "held_mib": 40.0,
    "peak_mib": 70.0,
    "cpu_seconds_per_million": 2.0,
    "bytes_per_sample": 1.5,
}


@given(base=st.integers(0, 100), each=st.integers(1, 50), counts=st.sets(st.integers(1, 1000), min_size=2, max_size=5))
def test_a_line_through_points_of_a_line_is_that_line(base: int, each: int, counts: set[int]) -> None:
    found = scaling.line([(count, base + each * count) for count in counts])
    assert found.base == pytest.approx(base, abs=1e-6)
    assert found.each == pytest.approx(each)


def test_one_fleet_tells_nothing_about_another() -> None:
    with pytest.raises(ValueError, match="two different points"):
        scaling.line([(300, 1.0), (300, 2.0)])


def test_fleets_in_another_limit_are_left_out_of_the_line() -> None:
    larger = {**A_FLEET, "robots": 20, "series": 6000, "peak_mib": 100.0}
    cramped = {**A_FLEET, "robots": 40, "series": 12000, "limit_mib": 256, "peak_mib": 101.0}
    found = scaling.memory({"fleets": [larger, cramped, A_FLEET]}, "peak_mib")
    assert found.base == pytest.approx(40)
    assert found.each == pytest.approx(0.01)


def test_robots_fill_a_limit_until_it_is_tight_and_no_further() -> None:
    measured = scaling.Line(base=40, each=0.01)
    assert scaling.robots_by_memory(1000, 100, measured) == 760
    assert scaling.robots_by_memory(10, 100, measured) == 0


@given(limit=st.integers(40, 4000), series=st.sampled_from([1, 300, 1000]))
def test_the_floor_admits_the_most_robots_and_not_one_more(limit: int, series: int) -> None:
    most = scaling.robots_by_floor(limit, series)
    assert most == 0 or product.floor_mib(most * series) <= limit
    assert product.floor_mib((most + 1) * series) > limit


def test_a_robots_share_of_time_and_disk() -> None:
    assert scaling.samples_per_second(10, 300, 15) == 200
    assert scaling.cores(10, 300, 15, A_FLEET) == pytest.approx(0.0004)
    assert scaling.disk_mib(1024, 1, 1024, A_FLEET) == pytest.approx(1.5)
    assert scaling.planned_disk_mib(1024, 1, 1024 * 10_000 - 31 * 86_400) == 20_000, "a month leaves when it is over"


def test_the_limit_that_is_needed_holds_these_robots_and_no_more() -> None:
    measured = scaling.Line(base=40, each=0.01)
    assert scaling.needed_mib(760, 100, measured) == pytest.approx(1000)
    assert scaling.robots_by_memory(1000, 100, measured) == 760


def test_a_large_fleet_is_reckoned_from_the_slopes_and_the_plan() -> None:
    larger = {**A_FLEET, "robots": 20, "series": 6000, "peak_mib": 100.0, "held_mib": 70.0}
    found = {"fleets": [A_FLEET, larger], "series_per_robot": 300}
    rows = [line.split(" | ") for line in scale_tables.large(found).splitlines() if line.startswith("| ")][2:]
    assert [row[0] for row in rows] == ["| 1,000", "| 10,000", "| 100,000"]
    first, _, last = rows
    # 300 series each, every 15 s; peaks of 40 MiB + 0.01 MiB a series, in 80 % of the limit
    assert first[1:4] == ["300,000", "20,000", f"{(40 + 3000) / 0.8 / 1024:.1f}"]
    assert last[1:4] == ["30,000,000", "2,000,000", f"{(40 + 300_000) / 0.8 / 1024:.1f}"]
    assert last[5] == "4.00"
    assert last[8].startswith("5,000")


def test_a_host_gives_the_database_what_its_other_services_leave() -> None:
    beside = ("container_engine_memory_allowance_mib", "telemetry_hub_vmauth_memory_limit_mib")
    assert scaling.database_mib(1024, 10) < 1024 - sum(product.default(variable) for variable in beside)
    assert scaling.database_mib(4096, 10) - scaling.database_mib(1024, 10) == 3072


def test_the_entry_point_takes_what_the_connections_of_its_robots_need() -> None:
    default = product.default("telemetry_hub_vmauth_memory_limit_mib")
    assert scaling.entry_point_mib(0) == scaling.entry_point_mib(100) == default
    assert scaling.entry_point_mib(1000) == product.entry_point_floor_mib(1000) > 2 * default
    assert scaling.database_mib(4096, 100) - scaling.database_mib(4096, 1000) == scaling.entry_point_mib(1000) - default


@pytest.mark.parametrize("wanted", [0, 1, 2, 3, 7, 8, 1000])
def test_the_largest_number_that_serves_is_found(wanted: int) -> None:
    assert scaling.most(lambda number: number <= wanted) == wanted


def test_the_page_holds_the_results_that_are_kept() -> None:
    text = report.SCALE.read_text(encoding="utf-8")
    made = scale_tables.sections(results.load("hub"))
    assert set(made) == {"short", "fleets", "sent", "robots", "hosts", "large", "cluster", "smallest"}
    for name, section in made.items():
        assert report.between(text, name, section) == text, "run python -m benchmarks.report"
