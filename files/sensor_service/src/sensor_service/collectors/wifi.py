"""Strength of the Wi-Fi signal. Format: `/proc/1/net/wireless` (wireless extensions), present with a Wi-Fi card only.

The header takes two lines; behind an interface's name stand status, link quality, signal level and noise. A value
that was updated since the last read ends in a point.
"""

from __future__ import annotations

from .. import files
from ..metric import gauge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..output import Output
    from ..robot import Robot

SIGNAL = gauge("node_wifi_station_signal_dbm", "Strength of the signal from the access point, in dBm.")
# What the kernel prints as level while there is no connection.
NO_SIGNAL = -256


def collect(robot: Robot, out: Output) -> None:
    """Reads `1/net/wireless`, in dBm. Raises OSError."""
    path = f"{robot.proc}/1/net/wireless"
    for line in (files.optional_table(path) or "").splitlines()[2:]:
        device, colon, rest = line.rpartition(":")
        words = rest.split()
        try:
            if not colon or len(words) < 4:
                raise ValueError("too few fields")
            level = files.parse_integer(words[2].rstrip("."))
        except ValueError as error:
            out.fault(f"{path}: {device.strip()}", error)
            continue
        if level > 0:  # old drivers print a byte that was meant to be negative
            level -= 256
        if level > NO_SIGNAL:
            out.add(SIGNAL, level, device=device.strip())
