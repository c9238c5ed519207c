"""A robot watched while something happens to it: working sets, kills, and the agent's backlog, twice a second."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from telemetry import SAMPLER
from waiting import until

MIB = 1024 * 1024
PENDING = "vmagent_remotewrite_pending_data_bytes"
WRITTEN = "vm_persistentqueue_bytes_written_total"
BLOCKS = "vm_persistentqueue_blocks_written_total"
ROWS = "vmagent_remotewrite_rows_pushed_after_relabel_total"
SENT = "vmagent_remotewrite_bytes_sent_total"
DROPPED = "vm_persistentqueue_bytes_dropped_total"


@dataclass
class Watched:
    """What was seen, oldest first; empty until the watching ends."""

    samples: list[dict[str, float]] = field(default_factory=list)

    def peak_mib(self, what: str, window: tuple[float, float] | None = None) -> float:
        """Return the highest of ``what`` (agent, stack, disk), in MiB."""
        start, end = window or (0.0, float("inf"))
        return round(max(s[what] for s in self.samples if what in s and start <= s["time"] <= end) / MIB, 1)

    def highest(self, metric: str) -> float:
        """Return the highest value that a metric had."""
        return max(sample.get(metric, 0.0) for sample in self.samples)

    def grown(self, metric: str, window: tuple[float, float]) -> float:
        """Return by how much a counter grew within a window in which the agent was not restarted."""
        values = [s[metric] for s in self.samples if metric in s and window[0] <= s["time"] <= window[1]]
        return values[-1] - values[0]


@contextmanager
def watched(robot: Any) -> Iterator[Watched]:
    """Watch a robot, through restarts of its services, but not through its own."""
    found = Watched()
    code = base64.b64encode(SAMPLER.encode()).decode()
    robot.run("rm -f /run/telemetry.stop /run/telemetry.sampled")
    robot.run(f"echo {code} | base64 -d > /run/telemetry.py")
    robot.run("systemd-run --quiet --collect --unit=telemetry-watch python3 /run/telemetry.py")
    try:
        yield found
    finally:
        robot.run("touch /run/telemetry.stop")
        until(lambda: robot.host.run("systemctl is-active --quiet telemetry-watch").rc != 0, "the watching ends")
        found.samples = [json.loads(line) for line in robot.run("cat /run/telemetry.sampled").splitlines()]
