"""Fit VictoriaMetrics into a small cgroup: one place where its memory limit becomes settings.

Measured with 200, 1,000 and 5,000 series and a past of months (docs/benchmark.md): what decides is GOMEMLIMIT. Near its
limit a Go program is not killed; it throws out its own program text and reads it back, and queries time out. So the Go
heap must leave room for that text (16 to 18 MiB), for what is not in the heap, and for what a graph over a month reads.
The command behind a constant is `python -m benchmarks.months`, with the words beside it.
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
  GOMEMLIMIT: "{{ (64 | robotfleet.stack.victoriametrics_fit(1000)).gomemlimit_mib }}MiB"
"""

RETURN = """
_value:
  description:
    - gomemlimit_mib, allowed_bytes, index_data_bytes, index_blocks_bytes, max_memory_per_query_bytes.
    - max_ingestion_rate (samples a second), and other bounds on queries, inserts and series.
    - keeps_answers and maps_files, each 0 or 1.
  type: dict
"""

MIB = 1024 * 1024
# Program text that must stay resident (16), the 8 MiB that a flush of new rows takes beside the heap's bound, caches
# outside the heap, page tables, and the blocks of a month that a graph reads: --days 30 --limit 64
OUTSIDE_HEAP_MIB = 42
# Below that, the heap keeps what its series need: 22 MiB for 1,000, 34 for 5,000, as long as this is left.
OUTSIDE_HEAP_LEAST_MIB = 28
HEAP_BASE_MIB = 19.0
HEAP_MIB_PER_SERIES = 0.003
OUTSIDE_HEAP_SHARE = 0.10  # larger instances also keep more memory outside the Go heap
# With a very small limit the subtraction would strangle the heap.
SMALLEST_HEAP_SHARE = 0.34

# Caches: 32 MiB at 5,000 series (with less, two queries in five were refused there). A quarter of them is what queries
# may hold, and an aggregate by label at 300 points is counted as 1,000 series of 5,816 bytes: hence the smallest.
CACHE_SMALLEST_MIB = 24.0
CACHE_BASE_MIB = 12.0
CACHE_MIB_PER_SERIES = 0.004
CACHE_SHARE = 0.32
CACHE_LARGEST_SHARE = 0.5  # at or above the limit itself VictoriaMetrics does not even start

# Months of churn fill the index's caches, of which VictoriaMetrics would keep 6 and 2.4 MiB by default. Here: MiB at
# the default limit, share of what a limit has beyond that, and the share of all caches that it would have by itself.
_INDEX_DATA = (2.0, 0.08, 0.25)
_INDEX_BLOCKS = (1.0, 0.032, 0.10)
# Below this limit no answers are kept, which would take up to 14 MiB outside of the heap, and files are not mapped: a
# mapped page brings as much with it as the disk reads ahead, and throws out program text for it. Measured at 64; where
# larger limits may do without is a guess.
ROOMY_MIB = 128
DEFAULT_MIB = 64

MIB_PER_QUERY_WORKER = 64
MOST_WORKERS = 8

# A graph over a day of half of the expected series reads 5,760 samples of each, and some before them, since blocks are
# read whole. A panel over a month reads 172,800 of each of its series, at one sample every 15 s: of 20 series.
SAMPLES_PER_SERIES = 4_000
SMALLEST_SAMPLES = 4_000_000
# Samples a second that are taken in, from all who send and from its own scrapes together: more waits. A backlog or a
# backfill at full speed kills it, or has it thrash.
SMALLEST_RATE = 10_000
RATE_PER_SERIES = 2  # a scrape each second is never held up

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
        "gomemlimit_mib": _heap_mib(limit_mib, expected_series),
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
        "max_samples_per_query": max(SMALLEST_SAMPLES, SAMPLES_PER_SERIES * expected_series),
        "max_ingestion_rate": max(SMALLEST_RATE, RATE_PER_SERIES * expected_series),
        "index_data_bytes": _index_bytes(limit_mib, allowed, *_INDEX_DATA),
        "index_blocks_bytes": _index_bytes(limit_mib, allowed, *_INDEX_BLOCKS),
        "keeps_answers": int(limit_mib >= ROOMY_MIB),
        "maps_files": int(limit_mib >= ROOMY_MIB),
    }


def _heap_mib(limit_mib: int, expected_series: int) -> int:
    outside = max(OUTSIDE_HEAP_MIB, limit_mib * OUTSIDE_HEAP_SHARE)
    least = max(OUTSIDE_HEAP_LEAST_MIB, limit_mib * OUTSIDE_HEAP_SHARE)
    needed = min(limit_mib - least, HEAP_BASE_MIB + HEAP_MIB_PER_SERIES * expected_series)
    return max(1, int(limit_mib - outside), int(needed), int(limit_mib * SMALLEST_HEAP_SHARE))


def _index_bytes(limit_mib: int, allowed: int, smallest_mib: float, share: float, largest_share: float) -> int:
    """Return the size of one of the index's caches: small at the default limit, later what it would have by itself."""
    wanted = (smallest_mib + share * max(0, limit_mib - DEFAULT_MIB)) * MIB
    return int(min(wanted, allowed * largest_share))


def _cache_bytes(limit_mib: int, expected_series: int) -> int:
    wanted = max(CACHE_SMALLEST_MIB, CACHE_BASE_MIB + CACHE_MIB_PER_SERIES * expected_series, limit_mib * CACHE_SHARE)
    return int(min(wanted, limit_mib * CACHE_LARGEST_SHARE) * MIB)


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"victoriametrics_fit": fit}
