"""Hardware monitors: temperatures, voltages, currents, power, fans, and a Raspberry Pi's undervoltage alarm.

Format: https://docs.kernel.org/hwmon/sysfs-interface.html. Names and labels are node_exporter's. Its alarms bear a
unit in their names; here their value is the kernel's own 0 or 1, where node_exporter multiplies it by 0.001 as well.
"""

from __future__ import annotations

from posixpath import normpath

from ..metric import counter, gauge, temperature

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..output import Output
    from ..robot import Robot

LABEL = gauge("node_hwmon_sensor_label", "Always 1: what the driver calls a sensor.")
CHIP_NAME = gauge("node_hwmon_chip_names", "Always 1: the name of a chip's driver.")
# (kind of sensor, rest of the file's name) -> (metric, divisor from the kernel's unit to the metric's)
SENSORS = {
    ("temp", "input"): (temperature("node_hwmon_temp_celsius", "Temperature."), 1000),
    ("temp", "max"): (gauge("node_hwmon_temp_max_celsius", "Highest normal temperature."), 1000),
    ("temp", "crit"): (gauge("node_hwmon_temp_crit_celsius", "Critical temperature."), 1000),
    ("temp", "crit_alarm"): (gauge("node_hwmon_temp_crit_alarm_celsius", "1 while critically hot.", ""), 1),
    ("in", "input"): (gauge("node_hwmon_in_volts", "Voltage."), 1000),
    ("in", "lcrit_alarm"): (gauge("node_hwmon_in_lcrit_alarm_volts", "1 while the voltage is too low.", ""), 1),
    ("curr", "input"): (gauge("node_hwmon_curr_amps", "Current."), 1000),
    ("power", "input"): (gauge("node_hwmon_power_watt", "Power."), 1_000_000),
    ("power", "average"): (gauge("node_hwmon_power_average_watt", "Mean power."), 1_000_000),
    ("energy", "input"): (counter("node_hwmon_energy_joule_total", "Energy used, in joules."), 1_000_000),
    ("humidity", "input"): (gauge("sensor_hwmon_humidity_ratio", "Relative humidity, from 0 to 1."), 100_000),
    ("fan", "input"): (gauge("node_hwmon_fan_rpm", "Speed of a fan in revolutions per minute."), 1),
    ("pwm", ""): (gauge("node_hwmon_pwm", "Control value of a fan, from 0 to 255."), 1),
}
DIGITS = "0123456789"
_KINDS = frozenset([kind for kind, _ in SENSORS])
_NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789:_")


def collect(robot: Robot, out: Output) -> None:
    """Reads `class/hwmon`: thousandths of °C, V and A, millionths of W, revolutions per minute.

    Each chip's folder and its device's, as node_exporter does.
    """
    root = f"{robot.sys}/class/hwmon"
    for name, chip in _chip_labels(root, out).items():
        _chip(f"{root}/{name}", chip, out)


def _chip(path: str, chip: str, out: Output) -> None:
    driver = _clean(out.text(f"{path}/name"))
    if driver:
        out.add(CHIP_NAME, 1, chip=chip, chip_name=driver)
    own = out.names(path)
    for name in own:
        _attribute(path, name, chip, out)
    # Drivers that register without their attributes have them here. A device has other files, too: `pwm`, `power`.
    device = f"{path}/device"
    for name in out.names(device) if "device" in own else ():
        sensor = name.partition("_")[0]
        if sensor.rstrip(DIGITS) in _KINDS and sensor[-1:].isdigit() and name not in own:
            _attribute(device, name, chip, out)


def _attribute(path: str, name: str, chip: str, out: Output) -> None:
    sensor, _, element = name.partition("_")
    known = SENSORS.get((sensor.rstrip(DIGITS), element))
    if known:
        metric, divisor = known
        out.read(metric, f"{path}/{name}", divisor, chip=chip, sensor=sensor)
    elif element == "label":
        out.add(LABEL, 1, chip=chip, sensor=sensor, label=out.text(f"{path}/{name}"))


def _chip_labels(root: str, out: Output) -> dict[str, str]:
    """Returns the label of each chip. Several on one device are told apart as node_exporter does since 1.12.

    The driver's name follows the device's where that is enough, else the number that the chip has until the next boot.
    """
    found = {name: _chip_label(root, name, out) for name in out.names(root, "hwmon")}
    for _ in range(2):  # a name that was made here can meet another chip's
        labels = list(found.values())
        shared = {label for label in labels if labels.count(label) > 1}
        if not shared:
            break
        named = {name: f"{found[name]}_{_clean(out.text(f'{root}/{name}/name'))}" for name in found}
        longer = list(named.values())
        for name, label in found.items():
            if label in shared:
                unique = longer.count(named[name]) == 1 and named[name] not in labels and not named[name].endswith("_")
                found[name] = named[name] if unique else f"{label}_{name}"
    return found


def _chip_label(root: str, name: str, out: Output) -> str:
    """Returns a chip's label as node_exporter makes it: the device's bus and name, which survive a reboot.

    Numbers such as `hwmon3` depend on the order in which drivers were loaded; a chip without a device has the driver's
    name instead. Both links are relative, and
    `/sys/devices` has no links between them, so that the path can be worked out without asking the kernel again.
    """
    target = out.link(f"{root}/{name}")
    device = out.link(f"{root}/{name}/device")
    if not device:
        return _clean(out.text(f"{root}/{name}/name")) or name
    parts = normpath(f"/class/hwmon/{target or name}/{device}").split("/")
    cleaned = [part for part in (_clean(part) for part in parts[-2:]) if part]
    return "_".join(cleaned) or name


def _clean(name: str) -> str:
    return "".join([char if char in _NAME_CHARACTERS else "_" for char in name.lower()]).strip("_")
