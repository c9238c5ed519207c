"""Watchdog devices. Format: https://docs.kernel.org/watchdog/watchdog-api.html; names are node_exporter's (1.8 on).

What is told is there only with CONFIG_WATCHDOG_SYSFS; reading it neither opens nor feeds the watchdog.
"""

from __future__ import annotations

from ..metric import gauge, info

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..output import Output
    from ..robot import Robot

INFO = info("node_watchdog_info", "Always 1: what a watchdog is, and its state.")
VALUES = {
    "bootstatus": gauge("node_watchdog_bootstatus", "Flags of the last boot; 32 is a reset by the watchdog."),
    "nowayout": gauge("node_watchdog_nowayout", "1 if it cannot be stopped once it runs."),
    "timeleft": gauge("node_watchdog_timeleft_seconds", "Time until it resets the robot."),
    "timeout": gauge("node_watchdog_timeout_seconds", "Time without food after which it resets the robot."),
}


def collect(robot: Robot, out: Output) -> None:
    """Reads `class/watchdog`, in seconds. A watchdog that is off has no time left."""
    root = f"{robot.sys}/class/watchdog"
    for name in out.names(root, "watchdog"):
        path = f"{root}/{name}"
        facts = {fact: out.text(f"{path}/{fact}") for fact in ("identity", "state")}
        if facts["identity"]:
            out.add(INFO, 1, name=name, **facts)
        for file, metric in VALUES.items():
            out.read(metric, f"{path}/{file}", name=name)
