"""Whether a Raspberry Pi has too little voltage or is slowed down, as its firmware tells the kernel.

Format: a number in hexadecimal, of which bits 0 to 3 are now and bits 16 to 19 since boot; Raspberry Pi's own kernels
only. The same undervoltage is an alarm of the hardware monitor `rpi_volt` on every kernel.
"""

from __future__ import annotations

from ..metric import gauge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..output import Output
    from ..robot import Robot

NOW = gauge("sensor_raspberry_pi_throttled", "1 while the condition holds.")
SINCE_BOOT = gauge(
    "sensor_raspberry_pi_throttled_since_boot", "1 if it has held since boot or since the flags were cleared."
)
CONDITIONS = ("undervoltage", "frequency_capped", "throttled", "soft_temperature_limit")
# The firmware's device bears its parent's name, which differs between the models.
FILES = [f"devices/platform/{soc}/{soc}:firmware/get_throttled" for soc in ("soc", "soc@107c000000")]


def collect(robot: Robot, out: Output) -> None:
    """Reads `get_throttled` of the firmware, on the models' two places."""
    for file in FILES:
        path = f"{robot.sys}/{file}"
        raw = out.attribute(path)
        if raw is None:
            continue
        try:
            bits = int(raw[:16], 16)
        except ValueError as error:
            out.fault(path, error)
            continue
        for at, condition in enumerate(CONDITIONS):
            out.add(NOW, bits >> at & 1, condition=condition)
            out.add(SINCE_BOOT, bits >> (at + 16) & 1, condition=condition)
        return
