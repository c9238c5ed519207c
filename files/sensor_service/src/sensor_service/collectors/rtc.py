"""Clocks that run while the robot is off. Format: https://docs.kernel.org/admin-guide/rtc.html"""

from __future__ import annotations

from ..metric import gauge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..output import Output
    from ..robot import Robot

TIME = gauge("sensor_rtc_time_seconds", "What the clock shows, in seconds since 1970.")
BATTERY = gauge("sensor_rtc_battery_volts", "Voltage of the clock's own battery.")
CHARGING = gauge("sensor_rtc_charging_volts", "Voltage that the clock's battery is charged to; 0 is not charged.")
SET_FROM = gauge("sensor_rtc_system_clock_set", "1 if the system's clock was set from it at boot.")


def collect(robot: Robot, out: Output) -> None:
    """Reads `class/rtc`: seconds, and µV where the driver tells them, as a Raspberry Pi 5's does.

    A clock whose battery was empty refuses to tell its time: absent.
    """
    root = f"{robot.sys}/class/rtc"
    for name in out.names(root, "rtc"):
        labels = {"device": name, "name": out.text(f"{root}/{name}/name")}
        out.read(TIME, f"{root}/{name}/since_epoch", 1, 1, **labels)
        out.read(BATTERY, f"{root}/{name}/battery_voltage", 1_000_000, **labels)
        out.read(CHARGING, f"{root}/{name}/charging_voltage", 1_000_000, **labels)
        out.read(SET_FROM, f"{root}/{name}/hctosys", 1, 1, **labels)
