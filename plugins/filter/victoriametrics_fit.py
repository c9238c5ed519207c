"""Fit VictoriaMetrics into a small cgroup: one place where its memory limit becomes settings.

Measured with 200, 1,000 and 5,000 series (`make benchmark-floors`, docs/benchmark.md): what decides is GOMEMLIMIT. Near
its limit a Go program is not killed; it throws out its own program text and reads it back, and queries time out. So the
Go heap must leave room for that text (16 to 18 MiB) and for what is not in the heap.
"""

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.robotfleet.stack.plugins.plugin_utils.telemetry.blocks import insert_bounds

DOCUMENTATION = """
name: victoriametrics_fit
short_description: Settings that fit VictoriaMetrics into a memory limit
description:
  - Returns a dictionary of settings derived from a container's memory limit and from the number of series expected.
  - The result depends on nothing else, and each setting never shrinks when the limit grows.
positional: expected_series
options:
  _input:
    description: The container's memory limit in MiB.
    type: int
    required: true
  expected_series:
    description: Active time series that this robot is expected to have.
    type: int
    required: true
"""

EXAMPLES = """
environment:
  GOMEMLIMIT: "{{ (64 | victoriametrics_fit(1000)).gomemlimit_mib }}MiB"
"""

RETURN = """
_value:
  description: gomemlimit_mib, allowed_bytes, max_memory_per_query_bytes and bounds on queries, inserts and series.
  type: dict
"""

MIB = 1024 * 1024
# Program text that must stay resident (16), the 8 MiB that a flush of new rows takes beside the heap's bound, caches
# outside the heap, page tables.
OUTSIDE_HEAP_MIB = 28
OUTSIDE_HEAP_SHARE = 0.10  # larger instances also keep more memory outside the Go heap
# Below 47 MiB the subtraction would strangle the heap.
SMALLEST_HEAP_SHARE = 0.4

# Caches: 32 MiB at 5,000 series (with less, two queries in five were refused there). A quarter of them is what queries
# may hold, and an aggregate by label at 300 points is counted as 1,000 series of 5,816 bytes: hence the smallest.
CACHE_SMALLEST_MIB = 24.0
CACHE_BASE_MIB = 12.0
CACHE_MIB_PER_SERIES = 0.004
CACHE_SHARE = 0.32
CACHE_LARGEST_SHARE = 0.5  # at or above the limit itself VictoriaMetrics does not even start

MIB_PER_QUERY_WORKER = 64
MOST_WORKERS = 8

# What all requests that are read at once may take at worst. Two cores have enough to do with two of them: whoever is
# slow is waited for at the hub's entry point, not here.
INSERT_SHARE = 0.6
MOST_INSERTS = 2 * MOST_WORKERS


def fit(limit_mib: int, expected_series: int) -> dict[str, int]:
    """Return the settings for a container limited to ``limit_mib`` that holds ``expected_series`` active series."""
    if limit_mib < 1 or expected_series < 1:
        raise ValueError("victoriametrics_fit needs a limit and a number of series above zero")
    allowed = _cache_bytes(limit_mib, expected_series)
    workers = max(1, min(MOST_WORKERS, limit_mib // MIB_PER_QUERY_WORKER))
    request, inserts = insert_bounds(limit_mib, INSERT_SHARE, MOST_INSERTS)
    return {
        "gomemlimit_mib": _heap_mib(limit_mib),
        "allowed_bytes": allowed,
        # VictoriaMetrics shares a quarter of its caches' size between all running queries.
        "max_memory_per_query_bytes": allowed // 4,
        "max_concurrent_requests": workers,
        "max_workers_per_query": 1,
        "max_concurrent_inserts": inserts,
        "max_insert_request_bytes": request,
        # Restarted services bring new series; the bounds leave room for that and stop a runaway label.
        "max_unique_timeseries": max(1000, 3 * expected_series),
        "max_hourly_series": 3 * expected_series,
        "max_daily_series": 6 * expected_series,
        # A day of every expected series at one sample every 5 s.
        "max_samples_per_query": max(10_000_000, 17_280 * expected_series),
    }


def _heap_mib(limit_mib: int) -> int:
    outside = max(OUTSIDE_HEAP_MIB, limit_mib * OUTSIDE_HEAP_SHARE)
    return max(1, int(limit_mib - outside), int(limit_mib * SMALLEST_HEAP_SHARE))


def _cache_bytes(limit_mib: int, expected_series: int) -> int:
    wanted = max(CACHE_SMALLEST_MIB, CACHE_BASE_MIB + CACHE_MIB_PER_SERIES * expected_series, limit_mib * CACHE_SHARE)
    return int(min(wanted, limit_mib * CACHE_LARGEST_SHARE) * MIB)


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"victoriametrics_fit": fit}
