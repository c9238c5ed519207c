"""What a Raspberry Pi's firmware tells the kernel: too little voltage, throttling, and what the supply can give.

`get_throttled` is a number in hexadecimal, of which bits 0 to 3 are now and bits 16 to 19 since boot; only Raspberry
Pi's own kernels have it. The same undervoltage is an alarm of the hardware monitor `rpi_volt` on every kernel. Models
with USB Power Delivery say in the device tree (`chosen/power`) what was agreed with the supply at boot:
https://www.raspberrypi.com/documentation/computers/configuration.html
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

SUPPLY = gauge("sensor_raspberry_pi_supply_max_amps", "Current that the power supply promised at boot.")
FLAGS = {
    "usb_max_current_enable": gauge(
        "sensor_raspberry_pi_usb_high_current", "1 if the USB ports may draw their full current, 0 if they are limited."
    ),
    "usb_over_current_detected": gauge(
        "sensor_raspberry_pi_usb_over_current", "1 if a USB port drew too much current at boot."
    ),
}


def collect(robot: Robot, out: Output) -> None:
    """Reads `get_throttled` on the models' two places, and `chosen/power`: mA in big-endian words of 32 bits."""
    _throttled(robot, out)
    power = f"{robot.sys}/firmware/devicetree/base/chosen/power"
    for name in out.names(power):
        value = out.cell(f"{power}/{name}") if name == "max_current" or name in FLAGS else None
        if value is None:
            continue
        if name in FLAGS:
            out.add(FLAGS[name], value != 0)
        elif value:  # 0 is a supply that says nothing
            out.add(SUPPLY, value / 1000)


def _throttled(robot: Robot, out: Output) -> None:
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
