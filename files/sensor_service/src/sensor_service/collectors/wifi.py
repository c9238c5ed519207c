"""Strength of the Wi-Fi signal. Format: `/proc/1/net/wireless` (wireless extensions), present with a Wi-Fi card only.

The header takes two lines; behind an interface's name stand status, link quality, signal level and noise. A value
that was updated since the last read ends in a point. A driver that counts in dBm has levels below zero; others have a
scale of their own, often percent, and do not say which. Without a connection the level is 0.
"""

from __future__ import annotations

from .. import files
from ..metric import gauge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..output import Output
    from ..robot import Robot

SIGNAL = gauge("node_wifi_station_signal_dbm", "Strength of the signal from the access point, in dBm.")
RAW = gauge("sensor_wifi_signal_raw", "Strength of the signal on the driver's own scale, often percent: not dBm.")
# What the kernel prints as level while there is no signal.
NO_SIGNAL = -256
# Above, a level is a byte in dBm that was meant to be negative: no driver's own scale reaches as far.
LARGEST_SCALE = 127


def collect(robot: Robot, out: Output) -> None:
    """Reads `1/net/wireless`, in dBm. Absent without Wi-Fi. Raises OSError, also where `/proc/1` is hidden."""
    path = f"{robot.proc}/1/net/wireless"
    hidden = not files.exists(f"{robot.proc}/1") and files.exists(f"{robot.proc}/meminfo")
    text = files.table(path) if hidden else files.optional_table(path) or ""
    for line in text.splitlines()[2:]:
        device, colon, rest = line.rpartition(":")
        words = rest.split()
        try:
            if not colon or len(words) < 4:
                raise ValueError("too few fields")
            level = files.parse_integer(words[2].rstrip("."))
        except ValueError as error:
            out.fault(f"{path}: {device.strip()}", error)
            continue
        if level > LARGEST_SCALE:
            level -= 256
        if NO_SIGNAL < level < 0:
            out.add(SIGNAL, level, device=device.strip())
        elif level > 0:
            out.add(RAW, level, device=device.strip())
