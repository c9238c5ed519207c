"""Thermal zones and what cools them. Format: https://docs.kernel.org/driver-api/thermal/sysfs-api.html"""

from __future__ import annotations

from .. import files
from ..metric import gauge, temperature

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..output import Output
    from ..robot import Robot

ZONE_TEMPERATURE = temperature("node_thermal_zone_temp", "Temperature of a thermal zone, in degrees Celsius.")
COOLING_STATE = gauge("node_cooling_device_cur_state", "State of a cooling device: 0 is off, larger cools more.")
COOLING_LIMIT = gauge("node_cooling_device_max_state", "Largest state of a cooling device.")


def collect(robot: Robot, out: Output) -> None:
    """Reads `class/thermal`: temperatures in thousandths of a degree, cooling states as plain numbers."""
    root = f"{robot.sys}/class/thermal"
    for name in out.names(root):
        path = f"{root}/{name}"
        if zone := files.digits(name, "thermal_zone"):
            out.read(ZONE_TEMPERATURE, f"{path}/temp", 1000, zone=zone, type=out.text(f"{path}/type"))
        elif device := files.digits(name, "cooling_device"):
            kind = out.text(f"{path}/type")
            out.read(COOLING_STATE, f"{path}/cur_state", 1, name=device, type=kind)
            out.read(COOLING_LIMIT, f"{path}/max_state", 1, name=device, type=kind)
