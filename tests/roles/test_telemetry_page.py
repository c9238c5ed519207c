"""docs/telemetry.md says what was measured, and what the roles and the gate have."""

from __future__ import annotations

import json
import re

import pytest
from ansible_collections.robotfleet.stack.plugins.filter.victoriametrics_disk import disk_mib
from ansible_collections.robotfleet.stack.plugins.plugin_utils.telemetry import pace
from ansible_collections.robotfleet.stack.plugins.plugin_utils.telemetry.offline_buffer import (
    BYTES_PER_SAMPLE,
    FILE_MIB,
    needed_mib,
)
from declarations import PROJECT, catalogue

from tools import telemetry_table

PAGE = (PROJECT / "docs" / "telemetry.md").read_text(encoding="utf-8")


def test_the_tables_are_those_of_the_results_that_are_kept() -> None:
    found = json.loads(telemetry_table.KEPT.read_text(encoding="utf-8"))
    assert telemetry_table.renewed(PAGE, telemetry_table.tables(found)) == PAGE, "run tools/telemetry_table.py"


def test_a_page_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="needs the lines"):
        telemetry_table.renewed("# Telemetry\n", "")


def test_nothing_was_lost_where_nothing_may_be_and_the_rest_is_within_what_is_stated() -> None:
    found = json.loads(telemetry_table.KEPT.read_text(encoding="utf-8"))
    assert all(robot["samples_lost"] == robot["seconds_lost"] == 0 for robot in found["cut"].values())
    assert found["hub_restarted"]["seconds_lost"] == found["hub_disk_full"]["seconds_lost"] == 0
    stated = found["kill"]["stated_seconds"]
    assert f"**{stated} seconds of samples at most**" in PAGE
    cases = [case for case in found["kill"].values() if isinstance(case, dict)]
    assert all(case["seconds_lost"] <= stated for case in cases)
    assert len(cases) == 3
    assert all(robot["bytes_per_sample"]["disk"] <= BYTES_PER_SAMPLE for robot in found["cut"].values())


def test_the_arithmetic_on_the_page_is_the_gates() -> None:
    defaults = {name: option.default for name, option in catalogue().options.items()}
    series, interval = defaults["vmagent_expected_series"], defaults["vmagent_scrape_interval"]
    hours = defaults["vmagent_offline_hours"]
    assert f"x hours x {BYTES_PER_SAMPLE} bytes" in PAGE
    needed = needed_mib(series, interval, hours)
    assert f"{series:,} / {interval.removesuffix('s')} s x {hours} h = {needed} MiB" in PAGE
    assert needed <= defaults["vmagent_buffer_disk_mib"]
    free = defaults["vmagent_min_free_disk_mib"]
    assert f"asks for {FILE_MIB + free} MiB more than the cap" in PAGE
    assert f"whole, {FILE_MIB} MiB each, and\n`vmagent_min_free_disk_mib`, {free}, stay free" in PAGE
    assert defaults["vmagent_send_kib_per_second"] == 0
    assert "`vmagent_send_kib_per_second`, 0; in vmagent" in PAGE
    kib = pace.bytes_per_second(0, series, interval) / pace.KIB
    times, least = pace.CATCH_UP_TIMES, pace.SMALLEST_BYTES // pace.KIB
    shown = f"{times} x {series:,} / {interval.removesuffix('s')} s = {kib:.1f} KiB a second; at least {least}"
    assert shown in PAGE
    assert f"    {times} x series / scrape interval x {BYTES_PER_SAMPLE} bytes" in PAGE
    of_the_hub = disk_mib(series, interval, defaults["telemetry_hub_retention"], 0)
    days = defaults["telemetry_hub_retention"].removesuffix("d")
    assert f"{of_the_hub / 1024:.1f} GiB of disk for each robot with {series:,} series and {days} days" in PAGE
    for mode, services in catalogue().modes.items():
        limits = " + ".join(str(defaults[f"{service}_memory_limit_mib"]) for service in services)
        assert re.search(rf"^\| `{mode}` \|.*\| {re.escape(limits)} MiB \|", PAGE, re.M), mode
