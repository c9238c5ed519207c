"""What one hub had stored before it became a cluster, and whether a host of that shows the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import telemetry


@dataclass(frozen=True)
class Before:
    """Every sample that the hub had of each robot, in a window that was over before it grew."""

    window: telemetry.Window
    series: dict[str, telemetry.Series]

    def shown_by(self, host: Any) -> dict[str, telemetry.Series]:
        """Return what a host shows of the same robots and window now."""
        return {robot: stored(host, robot, self.window) for robot in self.series}


def stored(host: Any, robot: str, window: telemetry.Window) -> telemetry.Series:
    """Return every sample that a robot has sent, of all of its jobs."""
    return telemetry.exported(host, f'{{robot="{robot}",{telemetry.SENT}}}', window)
