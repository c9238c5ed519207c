"""How small and how large a number, a duration or a port may be: what a robot, its engine or a flag's parser takes."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from .declaration import Objection

Bounds = tuple[float, float]

LARGEST_MIB = 16 * 1024 * 1024  # 16 TiB
LARGEST = 1_000_000_000
# The engine gives out CPU in hundredths of a core; a robot with fewer cores refuses in its preflight.
CPU: Bounds = (0.01, 1024)
# With fewer threads the runtime of a Go program ends as it starts (measured: 8, on two cores); the kernel's most.
PIDS: Bounds = (8, 4_194_304)

# By name, or by how a name ends; the first that fits. Every other number of ours is above zero.
NUMBERS: Mapping[str, Bounds] = {
    "robot_stack_history_hours": (0, 366 * 24),  # as the robot has it (ask/history.py)
    "robot_stack_history_points": (10, 1000),
    # thrashing is seen in two looks within five minutes (records/samples.py)
    "robot_stack_watchdog_interval_seconds": (5, 240),
    "robot_stack_memory_reserve_mib": (0, LARGEST_MIB),
    "robot_stack_memory_total_mib": (0, LARGEST_MIB),
    "rollout_max_failures": (0, LARGEST),
    "rollout_soak_seconds": (0, 7 * 86_400),
    "sensor_service_collector_deadline_seconds": (1, 60),
    "telemetry_hub_alert_battery_percent": (1, 100),
    "telemetry_hub_alert_filesystem_percent": (1, 100),
    # no longer than the authority that signs it (roles/telemetry_hub/vars/main.yml)
    "telemetry_hub_certificate_days": (1, 3650),
    "telemetry_hub_backup_delay_seconds": (0, 86_400),
    "telemetry_hub_series_share": (0, LARGEST),
    "vmagent_offline_hours": (1, 10 * 366 * 24),
    "vmagent_send_kib_per_second": (0, 1_000_000),
    "vmagent_min_free_disk_mib": (1, LARGEST_MIB),  # on a full disk it ends
    "_min_free_disk_mib": (0, LARGEST_MIB),
    "_memory_limit_mib": (6, LARGEST_MIB),  # the engine refuses less
    "_mib": (1, LARGEST_MIB),
    "_cpu_limit": CPU,
    "_pids_limit": PIDS,
    "": (1, LARGEST),
}
# Durations in seconds, by how a name ends; the first that fits.
DURATIONS: Mapping[str, Bounds] = {
    "_alert_pending_interval": (0, 30 * 86_400),
    "_interval": (0.1, 86_400),
    "_flush_interval": (1, 86_400),
    "_retention": (86_400, 100 * 365 * 86_400),
}
SECONDS: Mapping[str, float] = {
    **{"ms": 0.001, "s": 1, "m": 60, "h": 3600},
    **{"d": 86_400, "w": 7 * 86_400, "y": 365 * 86_400},
}
LONGEST_NUMBER = 15  # digits
DURATION = re.compile(r"([0-9]+)(ms|s|m|h|d|w|y)")


def of_number(name: str, ours: bool = True) -> Bounds:
    """Return the smallest and the largest number that the variable ``name`` may have.

    A program of somebody else's (not ``ours``) may do with one thread.
    """
    least, most = _first(NUMBERS, name)
    return (least if ours or not name.endswith("_pids_limit") else 1), most


def of_duration(name: str) -> Bounds | None:
    """Return the shortest and the longest duration of the variable ``name``, in seconds; None: it is none."""
    found = [ending for ending in DURATIONS if name.endswith(ending)]
    return DURATIONS[max(found, key=len)] if found else None


def number(name: str, value: float, ours: bool = True) -> Objection | None:
    """Return why ``value`` is too small or too large for ``name``, or no number at all."""
    least, most = of_number(name, ours)
    if isinstance(value, float) and not math.isfinite(value):
        return "it is no number that can be counted with", f"write a number from {least:g} to {_plain(most)}"
    if value < 0:
        return "it is negative", f"write a number of at least {least:g}"
    if value == 0 and least > 0:
        return "it is zero", "write a number above zero" if least == 1 else f"write a number of at least {least:g}"
    if value < least:
        return f"it is less than {least:g}", f"write a number of at least {least:g}"
    if value > most:
        return f"it is more than {_plain(most)}", f"write a number of at most {_plain(most)}"
    return None


def duration(name: str, text: str) -> Objection | None:
    """Return why a duration is too short or too long for ``name``; of another form is no matter here."""
    bounds, parts = of_duration(name), DURATION.fullmatch(text)
    if bounds is None or parts is None:
        return None
    digits = parts[1].lstrip("0") or "0"
    seconds = int(digits) * SECONDS[parts[2]] if len(digits) <= LONGEST_NUMBER else math.inf
    if seconds < bounds[0]:
        return f"it is shorter than {told(bounds[0])}", f"write {told(bounds[0])} or more"
    if seconds > bounds[1]:
        return f"it is longer than {told(bounds[1])}", f"write {told(bounds[1])} or less"
    return None


def told(seconds: float) -> str:
    """Return a duration as an inventory has it."""
    if seconds < 1:
        return f"{round(seconds * 1000)}ms"
    whole = [(unit, size) for unit, size in SECONDS.items() if size >= 1 and seconds % size == 0]
    unit, size = max(whole, key=lambda one: one[1])
    return f"{seconds / size:g}{unit}"


def _first(table: Mapping[str, Bounds], name: str) -> Bounds:
    return next(bounds for ending, bounds in table.items() if name == ending or name.endswith(ending))


def _plain(value: float) -> str:
    return f"{value:.0f}" if value == int(value) else f"{value:g}"
