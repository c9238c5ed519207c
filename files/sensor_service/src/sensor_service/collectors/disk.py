"""Traffic of whole disks. Format: https://docs.kernel.org/admin-guide/iostats.html; a sector is 512 bytes always."""

from __future__ import annotations

from .. import files
from ..metric import counter, gauge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..output import Output
    from ..robot import Robot

# position of the field behind the name, metric, multiplier, divisor
FIELDS = (
    (0, counter("node_disk_reads_completed_total", "Reads."), 1, 1),
    (2, counter("node_disk_read_bytes_total", "Bytes read."), 512, 1),
    (3, counter("node_disk_read_time_seconds_total", "Time spent reading, summed over requests."), 1, 1000),
    (4, counter("node_disk_writes_completed_total", "Writes."), 1, 1),
    (6, counter("node_disk_written_bytes_total", "Bytes written."), 512, 1),
    (7, counter("node_disk_write_time_seconds_total", "Time spent writing, summed over requests."), 1, 1000),
    (8, gauge("node_disk_io_now", "Requests under way."), 1, 1),
    (9, counter("node_disk_io_time_seconds_total", "Time in which a request was under way."), 1, 1000),
)
# Memory and loop-back files are no wear of a disk.
NOT_DISKS = ("ram", "zram", "loop", "fd", "sr")


def collect(robot: Robot, out: Output) -> None:
    """Reads `diskstats` for the devices in `block`, which lists disks but not their partitions. Raises OSError."""
    path = f"{robot.proc}/diskstats"
    disks = {name for name in out.names(f"{robot.sys}/block") if not name.startswith(NOT_DISKS)}
    for line in files.table(path).splitlines():
        words = line.split()
        if len(words) < 3 or words[2] not in disks:
            continue
        try:
            numbers = [files.parse_integer(word) for word in words[3:13]]
            if len(numbers) < 10:
                raise ValueError("too few fields")
        except ValueError as error:
            out.fault(f"{path}: {words[2]}", error)
            continue
        for position, metric, multiplier, divisor in FIELDS:
            value = numbers[position] * multiplier
            out.add(metric, value if divisor == 1 else value / divisor, device=words[2])
