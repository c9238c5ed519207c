"""How fast a robot sends what has waited for the hub: faster than it collects, and slower than harms the hub.

A hub cannot hold robots back by a rate: its release has no -maxIngestionRate. It takes a few requests at once, and lets
the others wait, with all of its CPU. So each robot has a bound of its own: all of them at once, after the hub was
away, take less than half of what it was measured to take from as large a fleet (docs/scale.md).
"""

from __future__ import annotations

import math

from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.base.durations import seconds

from .offline_buffer import BYTES_PER_SAMPLE

KIB = 1024
# Times what it collects. An hour without the hub is made up for in less than two minutes, and 72 hours in less than two
# hours; the fewer bytes a sample has, the sooner.
CATCH_UP_TIMES = 40
# A block of samples has up to 18 KiB; with less than this, several seconds would lie between two of them.
SMALLEST_BYTES = 16 * KIB
LEAST_TIMES = 2


def bytes_per_second(send_kib: int, series: int, scrape_interval: str) -> int:
    """Return the bytes that a robot sends in a second at most, compressed; ``send_kib`` 0: worked out."""
    if send_kib:
        return send_kib * KIB
    return max(SMALLEST_BYTES, math.ceil(CATCH_UP_TIMES * collected(series, scrape_interval)))


def least_kib(series: int, scrape_interval: str) -> int:
    """Return the KiB a second below which a backlog would hardly get smaller."""
    return math.ceil(LEAST_TIMES * collected(series, scrape_interval) / KIB)


def collected(series: int, scrape_interval: str) -> float:
    """Return the bytes that a robot collects in a second. Raises ValueError for an interval that is none."""
    interval: float = seconds(scrape_interval)
    return series / interval * BYTES_PER_SAMPLE
