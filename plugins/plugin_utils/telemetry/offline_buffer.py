"""How much disk it takes to be without the hub for some hours: the arithmetic of vmagent's buffer."""

from __future__ import annotations

import math

from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.base.durations import seconds

MIB = 1024 * 1024
SECONDS_PER_HOUR = 3600
# Compressed, with all labels again in every block: the fewer series, the more of them. Measured: 17 at 200 series, 14
# at 700, 10 at 1,000 whose labels are short (docs/telemetry.md, benchmarks/results/floors.json).
BYTES_PER_SAMPLE = 18
# vmagent rounds a smaller cap up to one of its files, and removes files whole: what was sent of the oldest one still
# occupies its place.
SMALLEST_MIB = 512
FILE_MIB = 512


def needed_mib(series: int, scrape_interval: str, hours: int) -> int:
    """Return the MiB in which ``hours`` hours of samples wait for the hub."""
    return math.ceil(_bytes_per_hour(series, scrape_interval) * hours / MIB)


def lasting_hours(buffer_mib: int, series: int, scrape_interval: str) -> int:
    """Return for how many whole hours a buffer of ``buffer_mib`` holds every sample."""
    return int(buffer_mib * MIB / _bytes_per_hour(series, scrape_interval))


def disk_mib(buffer_mib: int, min_free_mib: int, hubs: int = 1) -> int:
    """Return the MiB of disk that full buffers need at worst, one for each of the hub's hosts, and what stays free."""
    return hubs * (max(buffer_mib, SMALLEST_MIB) + FILE_MIB) + min_free_mib


def _bytes_per_hour(series: int, scrape_interval: str) -> float:
    interval: float = seconds(scrape_interval)
    return series * SECONDS_PER_HOUR / interval * BYTES_PER_SAMPLE
