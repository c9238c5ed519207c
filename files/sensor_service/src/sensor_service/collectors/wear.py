"""Wear of eMMC. Format: https://docs.kernel.org/driver-api/mmc/mmc-dev-attrs.html and JEDEC's DEVICE_LIFE_TIME_EST.

`life_time` holds two estimates, of the memory's two types: 1 is up to 10 % used, 11 is beyond its life, 0 is not told.
`pre_eol_info`: 1 normal, 2 has used 80 % of its spare blocks, 3 has used 90 %, 0 is not told. SD cards have neither.
"""

from __future__ import annotations

from ..metric import gauge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..output import Output
    from ..robot import Robot

USED = gauge("sensor_mmc_life_used_ratio", "Upper bound of the life that is used; 1.1 is beyond its end.")
SPARE = gauge("sensor_mmc_pre_end_of_life", "1 normal, 2 warning, 3 urgent: how far spare blocks are used.")


def collect(robot: Robot, out: Output) -> None:
    """Reads `bus/mmc/devices`, whose estimates are in hexadecimal."""
    root = f"{robot.sys}/bus/mmc/devices"
    for device in out.names(root):
        labels = {"device": device, "name": out.text(f"{root}/{device}/name")}
        for memory, steps in zip("ab", _numbers(f"{root}/{device}/life_time", 2, out)):
            if 1 <= steps <= 11:
                out.add(USED, steps / 10, memory=memory, **labels)
        for state in _numbers(f"{root}/{device}/pre_eol_info", 1, out):
            if 1 <= state <= 3:
                out.add(SPARE, state, **labels)


def _numbers(path: str, count: int, out: Output) -> list[int]:
    """Returns the numbers of an attribute, [] where it is absent, and where there are not `count`: a fault."""
    raw = out.attribute(path)
    if raw is None:
        return []
    try:
        found = [int(word[:16], 16) for word in raw.split()]
        if len(found) != count:
            raise ValueError(f"{len(found)} numbers")
    except ValueError as error:
        out.fault(path, error)
        return []
    return found
