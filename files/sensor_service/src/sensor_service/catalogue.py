"""The list of collectors: a new one is named here, and nowhere else."""

from __future__ import annotations

from .collectors import (
    accelerator,
    cgroup,
    cpufreq,
    disk,
    filesystem,
    hwmon,
    iio,
    load,
    memory,
    network,
    power_supply,
    pressure,
    raspberry_pi,
    rtc,
    simulated,
    textfile,
    thermal,
    vmstat,
    watchdog,
    wear,
    wifi,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .output import Output
    from .robot import Robot

    Collector = Callable[[Robot, Output], None]

# In the order in which they run: memory and the kernel's tables first, sensors on slow buses last.
COLLECTORS: dict[str, Collector] = {
    "cgroup": cgroup.collect,
    "textfile": textfile.collect,
    "memory": memory.collect,
    "load": load.collect,
    "pressure": pressure.collect,
    "vmstat": vmstat.collect,
    "disk": disk.collect,
    "network": network.collect,
    "wifi": wifi.collect,
    "cpufreq": cpufreq.collect,
    "thermal": thermal.collect,
    "filesystem": filesystem.collect,
    "accelerator": accelerator.collect,
    "raspberry_pi": raspberry_pi.collect,
    "rtc": rtc.collect,
    "watchdog": watchdog.collect,
    "wear": wear.collect,
    "power_supply": power_supply.collect,
    "hwmon": hwmon.collect,
    "iio": iio.collect,
    "simulated": simulated.collect,
}
# Makes things up, so it must be asked for.
SIMULATED = "simulated"
