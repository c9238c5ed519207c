"""Made-up sensors for machines without any, off unless asked for. Every series carries `simulated="true"`.

The values move smoothly and come from the clock alone: nothing is kept between scrapes, and every series has the
name that the real sensor would have.
"""

from __future__ import annotations

from .iio import DISTANCE
from .power_supply import CAPACITY, CURRENT, VOLTAGE
from .thermal import ZONE_TEMPERATURE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..output import Output
    from ..robot import Robot


def wave(now: float, period: float) -> float:
    """Returns a smooth wave between -1 and 1 with a period in seconds: two parabolas, close to a sine."""
    phase = now % period / period * 4 - 2
    return phase * (2 - abs(phase))


def collect(robot: Robot, out: Output) -> None:
    """Derives a temperature (°C), a battery (%, V, A) and a distance (m) from the robot's clock."""
    now = robot.now()
    temperature = 48 + 6 * wave(now, 900) + 1.5 * wave(now, 70)
    # Two hours of work, half an hour on the charger.
    cycle = now % 9000
    working = cycle < 7200
    capacity = 95 - 70 * cycle / 7200 if working else 25 + 70 * (cycle - 7200) / 1800
    current = -2.4 + 0.6 * wave(now, 45) if working else 5.2
    voltage = 22.2 + 0.029 * capacity + 0.05 * wave(now, 45)
    distance = 1.6 + 1.1 * wave(now, 24) + 0.2 * wave(now, 5)
    labels = {"simulated": "true"}
    out.add(ZONE_TEMPERATURE, round(temperature, 3), zone="simulated", type="simulated", **labels)
    out.add(CAPACITY, round(capacity), power_supply="simulated", **labels)
    out.add(VOLTAGE, round(voltage, 3), power_supply="simulated", **labels)
    out.add(CURRENT, round(current, 3), power_supply="simulated", **labels)
    out.add(DISTANCE, round(distance, 3), device="simulated", name="simulated", channel="distance", **labels)
