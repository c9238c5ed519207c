"""Batteries and chargers. Format: https://docs.kernel.org/power/power_supply_class.html

Capacity is the kernel's 0 to 100; ROS' BatteryState.percentage is 0 to 1.
"""

from __future__ import annotations

from ..metric import gauge, info, temperature

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..output import Output
    from ..robot import Robot

INFO = info("node_power_supply_info", "Always 1: what a power supply is, and its state.")
CAPACITY = gauge("node_power_supply_capacity", "Charge left, in percent of a full battery.")
VOLTAGE = gauge("node_power_supply_voltage_volt", "Voltage, in volts.")
CURRENT = gauge("node_power_supply_current_ampere", "Current, in amperes; its sign is the driver's.")
# file -> (metric, divisor): the kernel counts in millionths, temperatures in tenths of a degree
VALUES = {
    "capacity": (CAPACITY, 1),
    "online": (gauge("node_power_supply_online", "1 while an external supply is connected."), 1),
    "present": (gauge("node_power_supply_present", "1 while a battery is inserted."), 1),
    "cycle_count": (gauge("node_power_supply_cyclecount", "Charge cycles of a battery."), 1),
    "time_to_empty_now": (gauge("node_power_supply_time_to_empty_seconds", "Time until empty."), 1),
    "time_to_full_now": (gauge("node_power_supply_time_to_full_seconds", "Time until full."), 1),
    "voltage_now": (VOLTAGE, 1_000_000),
    "voltage_min_design": (gauge("node_power_supply_voltage_min_design", "Volts when empty."), 1_000_000),
    "current_now": (CURRENT, 1_000_000),
    "power_now": (gauge("node_power_supply_power_watt", "Power, in watts."), 1_000_000),
    "energy_now": (gauge("node_power_supply_energy_watthour", "Energy left, in Wh."), 1_000_000),
    "energy_full": (gauge("node_power_supply_energy_full", "Energy when last full, in Wh."), 1_000_000),
    "energy_full_design": (gauge("node_power_supply_energy_full_design", "Energy when new, in Wh."), 1_000_000),
    "charge_now": (gauge("node_power_supply_charge_ampere", "Charge left, in Ah."), 1_000_000),
    "charge_full": (gauge("node_power_supply_charge_full", "Charge when last full, in Ah."), 1_000_000),
    "charge_full_design": (gauge("node_power_supply_charge_full_design", "Charge when new, in Ah."), 1_000_000),
    "temp": (temperature("node_power_supply_temp_celsius", "Temperature of a battery."), 10),
}
FACTS = (
    "capacity_level",
    "charge_type",
    "health",
    "manufacturer",
    "model_name",
    "scope",
    "serial_number",
    "status",
    "technology",
    "type",
    "usb_type",
)


def collect(robot: Robot, out: Output) -> None:
    """Reads `class/power_supply`: µV, µA, µW, µWh and µAh, tenths of °C, percent, seconds."""
    root = f"{robot.sys}/class/power_supply"
    for supply in out.names(root):
        path = f"{root}/{supply}"
        facts = {}
        for name in out.names(path):
            if name in VALUES:
                metric, divisor = VALUES[name]
                out.read(metric, f"{path}/{name}", divisor, power_supply=supply)
            elif name in FACTS:
                facts[name] = out.text(f"{path}/{name}")
        out.add(INFO, 1, power_supply=supply, **facts)
