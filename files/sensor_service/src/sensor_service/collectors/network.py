"""Traffic of the robot's network interfaces. Format: proc_pid_net(5).

Read from `/proc/1/net`: `/proc/net` of a mounted `/proc` shows the reader's own interfaces, not the robot's.
"""

from __future__ import annotations

from .. import files
from ..metric import counter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..output import Output
    from ..robot import Robot

# position of the field behind the colon -> metric
FIELDS = {
    0: counter("node_network_receive_bytes_total", "Bytes received."),
    1: counter("node_network_receive_packets_total", "Packets received."),
    2: counter("node_network_receive_errs_total", "Errors in receiving."),
    3: counter("node_network_receive_drop_total", "Received packets dropped."),
    8: counter("node_network_transmit_bytes_total", "Bytes sent."),
    9: counter("node_network_transmit_packets_total", "Packets sent."),
    10: counter("node_network_transmit_errs_total", "Errors in sending."),
    11: counter("node_network_transmit_drop_total", "Packets to send dropped."),
}
# A container's end of its cable has a new random name with every start: series without end.
IGNORED = ("veth",)


def collect(robot: Robot, out: Output) -> None:
    """Reads `1/net/dev`. Raises OSError."""
    path = f"{robot.proc}/1/net/dev"
    for line in files.table(path).splitlines()[2:]:
        device, colon, rest = line.rpartition(":")
        device = device.strip()
        if device.startswith(IGNORED):
            continue
        try:
            numbers = [files.parse_integer(word) for word in rest.split()]
            if not colon or len(numbers) < 16:
                raise ValueError("too few fields")
        except ValueError as error:
            out.fault(f"{path}: {device}", error)
            continue
        for position, metric in FIELDS.items():
            out.add(metric, numbers[position], device=device)
