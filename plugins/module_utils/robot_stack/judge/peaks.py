"""Adds to what was read of services what the robot's own history remembers of them: their highest working sets.

Apart from the read-back, which the watchdog shares: what looks every few seconds asks no database.
"""

from __future__ import annotations

import re
from dataclasses import replace

from ..ask import http
from ..ask.prometheus import Reader
from ..spec.model import Stack
from .readback import Reading

LONGEST_SECONDS = 86400
LARGEST_BYTES = 1 << 44  # no robot has 16 TiB: a sample beyond that is somebody's mistake, and would be kept for good


def remembered(stack: Stack, readings: list[Reading], now: float) -> list[Reading]:
    """Return the readings with each service's highest sampled working set since it started, up to a day ago (bytes).

    Sampled by the sensor service, kept by the robot's VictoriaMetrics; unknown where there is no such history (yet).
    """
    keeper = next((service for service in stack.services if service.history_url), None)
    if keeper is None:
        return readings
    history = Reader(keeper.history_url, http.asker(keeper))
    return [_with_peak(reading, history, _own(stack.robot), int(now)) for reading in readings]


def _own(robot: str) -> str:
    """Return what chooses a machine's own series; on a hub those of all robots lie beside them."""
    escaped = re.escape(robot).replace("\\", "\\\\").replace('"', '\\"')
    return f',robot=~"|{escaped}"' if robot else ""


def _with_peak(reading: Reading, history: Reader, own: str, now: int) -> Reading:
    seconds = int(min(LONGEST_SECONDS, max(1.0, now - reading.started_at)))
    series = f'container_memory_working_set_bytes{{service="{reading.name}"{own}}}'
    found = history.instant(reading.name, f"max(max_over_time({series}[{seconds}s]))", now)
    peak = found[0][1] if found else -1
    return replace(reading, remembered_peak=int(peak)) if 0 <= peak <= LARGEST_BYTES else reading
