"""Clock frequencies, and how often a core was slowed down for heat.

Format: https://docs.kernel.org/admin-guide/pm/cpufreq.html; throttle counters exist on x86 only.
"""

from __future__ import annotations

from .. import files
from ..metric import counter, gauge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..output import Output
    from ..robot import Robot

FREQUENCIES = {
    "scaling_cur_freq": gauge("node_cpu_scaling_frequency_hertz", "Frequency that a core is set to."),
    "scaling_min_freq": gauge("node_cpu_scaling_frequency_min_hertz", "Lowest frequency allowed to a core."),
    "scaling_max_freq": gauge("node_cpu_scaling_frequency_max_hertz", "Highest frequency allowed to a core."),
}
CORE_THROTTLES = counter("node_cpu_core_throttles_total", "Times that a core was throttled for heat.")
PACKAGE_THROTTLES = counter("node_cpu_package_throttles_total", "Times that a package was throttled for heat.")


def collect(robot: Robot, out: Output) -> None:
    """Reads `devices/system/cpu`: frequencies in kHz, throttle counters as they are.

    Threads of one core share its counter, and cores of a package its: each is told once.
    """
    told: set[tuple[str, ...]] = set()
    root = f"{robot.sys}/devices/system/cpu"
    for name in out.names(root, "cpu"):
        cpu = files.digits(name, "cpu")
        if not cpu:
            continue
        path = f"{root}/{name}"
        for file, metric in FREQUENCIES.items():
            out.read(metric, f"{path}/cpufreq/{file}", 1, 1000, cpu=cpu)
        throttle = f"{path}/thermal_throttle"
        if files.exists(throttle):
            package = out.text(f"{path}/topology/physical_package_id")
            core = out.text(f"{path}/topology/core_id")
            if core and (package, core) not in told:
                told.add((package, core))
                out.read(CORE_THROTTLES, f"{throttle}/core_throttle_count", 1, package=package, core=core)
            if package and (package,) not in told:
                told.add((package,))
                out.read(PACKAGE_THROTTLES, f"{throttle}/package_throttle_count", 1, package=package)
