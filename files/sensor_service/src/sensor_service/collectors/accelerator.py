"""Load of GPUs and NPUs, as sysfs has it; their temperatures are thermal zones and hardware monitors but for one.

amdgpu has `gpu_busy_percent`, under node_exporter's name (https://docs.kernel.org/gpu/amdgpu/thermal.html); v3d, a
Raspberry Pi's GPU, a table `gpu_stats` of nanoseconds for each of its queues (kernel 6.8 on). Jetson has `load` beside
a devfreq device, in thousandths; Rockchip `load` in it, such as `37@800000000Hz`. Intel's NPU counts the time in which
it was busy in microseconds, and a Coral has its temperature in `class/apex`, in thousandths of a degree.
"""

from __future__ import annotations

from .. import files
from ..metric import counter, gauge, temperature

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..output import Output
    from ..robot import Robot

BUSY = gauge("node_drm_gpu_busy_percent", "Load of a GPU, in percent.")
QUEUES = counter("sensor_gpu_queue_busy_seconds_total", "Time in which a queue of a GPU was at work.")
LOAD = gauge("sensor_devfreq_load_ratio", "Load of a GPU, an NPU or a memory controller, from 0 to 1.")
FREQUENCY = gauge("sensor_devfreq_frequency_hertz", "Frequency of a GPU, an NPU or a memory controller.")
NPU = counter("sensor_npu_busy_seconds_total", "Time in which an NPU was at work.")
CORAL = temperature("sensor_apex_temperature_celsius", "Temperature of a Coral accelerator.")


def collect(robot: Robot, out: Output) -> None:
    """Reads `class/drm`, `class/devfreq`, `class/accel` and `class/apex`: percent, ns, thousandths, Hz, µs, m°C."""
    cards = f"{robot.sys}/class/drm"
    for card in out.names(cards, "card"):
        if files.digits(card, "card"):
            out.read(BUSY, f"{cards}/{card}/device/gpu_busy_percent", card=card)
            _queues(f"{cards}/{card}/device/gpu_stats", card, out)
    root = f"{robot.sys}/class/devfreq"
    for device in out.names(root):
        out.read(FREQUENCY, f"{root}/{device}/cur_freq", device=device)
        out.read(LOAD, f"{root}/{device}/device/load", 1000, device=device)
        _percent(f"{root}/{device}/load", device, out)
    for device in out.names(f"{robot.sys}/class/accel", "accel"):
        out.read(NPU, f"{robot.sys}/class/accel/{device}/device/npu_busy_time_us", 1_000_000, device=device)
    for device in out.names(f"{robot.sys}/class/apex", "apex_"):
        out.read(CORAL, f"{robot.sys}/class/apex/{device}/temp", 1000, device=device)


def _queues(path: str, card: str, out: Output) -> None:
    """Puts out the last of a line's four fields, behind queue, time stamp and jobs; the first line is their names."""
    for line in out.text(path).split("\n")[1:]:
        words = line.split()
        try:
            if len(words) != 4:
                raise ValueError("not four fields")
            out.add(QUEUES, files.parse_integer(words[3]) / 1_000_000_000, card=card, queue=words[0])
        except ValueError as error:
            out.fault(path, error)


def _percent(path: str, device: str, out: Output) -> None:
    raw = out.attribute(path)
    if raw is None:
        return
    try:
        out.add(LOAD, files.parse_integer(raw.partition(b"@")[0]) / 100, device=device)
    except ValueError as error:
        out.fault(path, error)
