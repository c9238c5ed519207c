"""Load of GPUs and NPUs, as sysfs has it; their temperatures are thermal zones and hardware monitors.

Three ways: amdgpu's `gpu_busy_percent`, under node_exporter's name (https://docs.kernel.org/gpu/amdgpu/thermal.html);
Jetson's `load` beside a devfreq device, in thousandths; and Rockchip's `load` in it, such as `37@800000000Hz`.
"""

from __future__ import annotations

from .. import files
from ..metric import gauge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..output import Output
    from ..robot import Robot

BUSY = gauge("node_drm_gpu_busy_percent", "Load of a GPU, in percent.")
LOAD = gauge("sensor_devfreq_load_ratio", "Load of a GPU, an NPU or a memory controller, from 0 to 1.")
FREQUENCY = gauge("sensor_devfreq_frequency_hertz", "Frequency of a GPU, an NPU or a memory controller.")


def collect(robot: Robot, out: Output) -> None:
    """Reads `class/drm` and `class/devfreq`: percent, thousandths, Hz."""
    cards = f"{robot.sys}/class/drm"
    for card in out.names(cards, "card"):
        if files.digits(card, "card"):
            out.read(BUSY, f"{cards}/{card}/device/gpu_busy_percent", card=card)
    root = f"{robot.sys}/class/devfreq"
    for device in out.names(root):
        out.read(FREQUENCY, f"{root}/{device}/cur_freq", device=device)
        out.read(LOAD, f"{root}/{device}/device/load", 1000, device=device)
        _percent(f"{root}/{device}/load", device, out)


def _percent(path: str, device: str, out: Output) -> None:
    raw = out.attribute(path)
    if raw is None:
        return
    try:
        out.add(LOAD, files.parse_integer(raw.partition(b"@")[0]) / 100, device=device)
    except ValueError as error:
        out.fault(path, error)
