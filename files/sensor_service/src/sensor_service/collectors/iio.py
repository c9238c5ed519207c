"""Industrial I/O: converters, distance sensors, accelerometers, gyroscopes and their like.

Format: https://www.kernel.org/doc/Documentation/ABI/testing/sysfs-bus-iio. A channel `in_voltage0` has `_input`, the
processed value, or `_raw`, from which (raw + offset) * scale makes it; offset and scale may be the channel's own or
shared by all channels of its kind. node_exporter has no names for these, so they are this project's: base units.
"""

from __future__ import annotations

from .. import files
from ..metric import gauge, temperature

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..output import Output
    from ..robot import Robot

DISTANCE = gauge("sensor_iio_distance_meters", "Distance to an object.")
RAW = gauge("sensor_iio_raw", "What a channel without a scale counts: in no unit that the driver tells.")
QUATERNION = gauge("sensor_iio_rotation_quaternion", "Rotation as a quaternion, one series a component.")
COMPONENTS = ("x", "y", "z", "w")
# Kinds whose raw value needs no scale: the ABI gives them no unit.
UNITLESS = ("proximity",)
# kind of channel -> (metric, divisor from the unit of the ABI to the unit of the metric)
KINDS = {
    "accel": (gauge("sensor_iio_acceleration_meters_per_second_squared", "Acceleration."), 1),
    "angl": (gauge("sensor_iio_angle_radians", "Angle."), 1),
    "anglvel": (gauge("sensor_iio_angular_velocity_radians_per_second", "Angular velocity."), 1),
    "current": (gauge("sensor_iio_current_amps", "Current."), 1000),
    "distance": (DISTANCE, 1),
    "gravity": (gauge("sensor_iio_gravity_meters_per_second_squared", "Gravity."), 1),
    "humidityrelative": (gauge("sensor_iio_humidity_ratio", "Relative humidity, from 0 to 1."), 100_000),
    "illuminance": (gauge("sensor_iio_illuminance_lux", "Illuminance."), 1),
    "incli": (gauge("sensor_iio_inclination_degrees", "Inclination."), 1),
    "magn": (gauge("sensor_iio_magnetic_field_teslas", "Magnetic field."), 10_000),
    "power": (gauge("sensor_iio_power_watts", "Power."), 1000),
    "pressure": (gauge("sensor_iio_pressure_pascals", "Pressure."), 1 / 1000),
    "proximity": (gauge("sensor_iio_proximity", "Nearness of an object, in the sensor's own unit."), 1),
    "resistance": (gauge("sensor_iio_resistance_ohms", "Resistance."), 1),
    "rot": (gauge("sensor_iio_rotation_degrees", "Rotation."), 1),
    "temp": (temperature("sensor_iio_temperature_celsius", "Temperature."), 1000),
    "voltage": (gauge("sensor_iio_voltage_volts", "Voltage."), 1000),
}


def collect(robot: Robot, out: Output) -> None:
    """Reads `bus/iio/devices`: one series per input channel of a known kind, in base units."""
    root = f"{robot.sys}/bus/iio/devices"
    for device in out.names(root, "iio:device"):
        path = f"{root}/{device}"
        labels = {"device": device, "name": out.text(f"{path}/name")}
        present = set(out.names(path))
        for name in sorted(present):
            channel, _, end = name.rpartition("_")
            if end not in ("raw", "input") or not channel.startswith("in_"):
                continue
            if end == "raw" and f"{channel}_input" in present:
                continue
            try:
                _channel(path, channel, end, present, labels, out)
            except (OSError, ValueError, OverflowError) as error:
                out.fault(getattr(error, "filename", None) or f"{path}/{name}", error)


def _channel(path: str, channel: str, end: str, present: set[str], labels: dict[str, str], out: Output) -> None:
    """Puts out one channel. Raises OSError and ValueError, for its scale and offset as well."""
    name = channel[3:]
    known = (QUATERNION, 1) if name == "rot_quaternion" else KINDS.get(_kind(channel))
    raw = out.ask(files.attribute, f"{path}/{channel}_{end}") if known else None
    if known is None or raw is None:
        return
    metric, divisor = known
    numbers = [files.parse_float(word) for word in raw.split()]
    if len(numbers) != (4 if metric is QUATERNION else 1):
        raise ValueError(f"{len(numbers)} numbers")
    if end == "raw":
        scale = _factor(path, channel, "scale", present, out)
        offset = _factor(path, channel, "offset", present, out) or 0
        if scale is None and _kind(channel) not in UNITLESS:
            metric, divisor, offset = RAW, 1, 0
        numbers = [(number + offset) * (1 if scale is None else scale) for number in numbers]
    told = _label(path, channel, present, out)
    for number, component in zip(numbers, COMPONENTS):
        place = {"component": component} if len(numbers) > 1 else {}
        out.add(metric, number / divisor, channel=name, label=told, **place, **labels)


def _kind(channel: str) -> str:
    """Returns the kind in `in_voltage0`, `in_voltage0-voltage1`, `in_accel_x` or `in_temp_object`."""
    return channel[3:].split("_", 1)[0].split("-", 1)[0].rstrip("0123456789")


def _label(path: str, channel: str, present: set[str], out: Output) -> str:
    """Returns what a channel measures, "" where nobody says: the ABI's label, or the rail of a Jetson's INA3221."""
    for file in (f"{channel}_label", f"rail_name_{channel[-1]}"):
        if file in present:
            return out.text(f"{path}/{file}")
    return ""


def _factor(path: str, channel: str, name: str, present: set[str], out: Output) -> float | None:
    """Returns a channel's offset or scale: its own, else the one that its kind shares, else None. Raises."""
    kind = _kind(channel)
    shared = f"in_{kind}-{kind}" if "-" in channel else f"in_{kind}"
    for owner in (channel, shared):
        if f"{owner}_{name}" in present:
            raw = out.ask(files.attribute, f"{path}/{owner}_{name}")
            return None if raw is None else files.parse_float(raw)
    return None
