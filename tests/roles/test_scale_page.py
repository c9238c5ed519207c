"""docs/scale.md sizes a hub as the roles and the gate do."""

from __future__ import annotations

from ansible_collections.robotfleet.stack.plugins.filter.victoriametrics_disk import disk_mib
from ansible_collections.robotfleet.stack.plugins.plugin_utils.telemetry.series import OWN, ROOM_TIMES
from declarations import PROJECT, catalogue

PAGE = (PROJECT / "docs" / "scale.md").read_text(encoding="utf-8")


def test_the_limit_on_series_is_the_hubs() -> None:
    stated = f"at most {ROOM_TIMES} x robots x `telemetry_hub_series_per_robot` + {OWN:,} different series an\n   hour"
    assert stated in PAGE


def test_the_disk_of_a_robot_is_the_plans() -> None:
    defaults = {name: option.default for name, option in catalogue().options.items()}
    interval, retention = defaults["vmagent_scrape_interval"], defaults["telemetry_hub_retention"]
    gib = disk_mib(1000, interval, retention, 0) / 1024
    every, days = interval.removesuffix("s"), retention.removesuffix("d")
    assert f"{gib:.1f} GiB for each robot with 1,000 series,\n   every {every} s for {days} days" in PAGE
