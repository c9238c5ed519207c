"""Fixture trees: small copies of what `/proc` and `/sys` hold on several robots.

Each builder fills `root/proc` and `root/sys` and returns `root`. Numbers are typical, and chosen so that a wrong unit
or a wrong column shows.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from files.sensor_service.tests.cgroup_trees import cgroup_v1, cgroup_v2
from files.sensor_service.tests.trees import PRESSURE, write

Builder = Callable[[Path], Path]

MEMINFO = """\
MemTotal:        3884360 kB
MemFree:         1204996 kB
MemAvailable:    2890120 kB
Buffers:           84776 kB
Cached:          1657724 kB
SwapCached:            0 kB
Active:          1069124 kB
Inactive:        1296020 kB
Active(anon):     633472 kB
SwapTotal:        102396 kB
SwapFree:         102396 kB
Dirty:                88 kB
Writeback:             0 kB
AnonPages:        622560 kB
Mapped:           294388 kB
Shmem:             14828 kB
Slab:             163260 kB
SReclaimable:     101092 kB
SUnreclaim:        62168 kB
KernelStack:        5344 kB
PageTables:        10700 kB
Committed_AS:    1871564 kB
HugePages_Total:       0
CmaTotal:         524288 kB
CmaFree:          491136 kB
"""
VMSTAT = """\
nr_free_pages 301249
pgpgin 1054321
pgpgout 876543
pswpin 0
pswpout 12
pgfault 9876543
pgmajfault 4321
oom_kill 1
"""
# The names of the columns are of no use to a parser that counts them.
NET_HEAD = "Inter-|   Receive  |  Transmit\n face |bytes    packets errs ...|bytes    packets errs ...\n"
WIRELESS_HEAD = """\
Inter-| sta-|   Quality        |   Discarded packets               | Missed | WE
 face | tus | link level noise |  nwid  crypt   frag  retry   misc | beacon | 22
"""


def hwmon(root: Path, number: int, device: str, sensors: dict[str, str | int]) -> None:
    """Adds a hardware monitor below `devices/<device>`, linked from `class/hwmon` as sysfs does; "": of no device."""
    path = f"devices/{device or 'virtual'}/hwmon/hwmon{number}"
    write(root / "sys" / path, sensors)
    if device:
        (root / "sys" / path / "device").symlink_to("../../../" + Path(device).name)
    link = root / f"sys/class/hwmon/hwmon{number}"
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(f"../../{path}")


def common(root: Path) -> Path:
    """Fills in what every Linux has."""
    tree: dict[str, str | int] = {"proc/meminfo": MEMINFO, "proc/vmstat": VMSTAT}
    tree["proc/loadavg"] = "0.52 0.48 0.41 2/312 12345"
    tree |= {f"proc/pressure/{name}": text for name, text in PRESSURE.items()}
    tree["proc/1/net/dev"] = (
        NET_HEAD
        + "    lo: 1000 10 0 0 0 0 0 0 1000 10 0 0 0 0 0 0\n"
        + "  eth0: 123456789 98765 1 2 0 0 0 5 987654321 87654 3 4 0 0 0 0\n"
        + "veth12ab34c: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n"
    )
    return write(root, tree)


def raspberry_pi(root: Path) -> Path:
    """Makes a Raspberry Pi 4: SoC temperature, fan, undervoltage alarm, four cores, an SD card, Wi-Fi, cgroup v2."""
    common(root)
    tree: dict[str, str | int] = {
        "sys/class/thermal/thermal_zone0/type": "cpu-thermal",
        "sys/class/thermal/thermal_zone0/temp": 48686,
        "sys/class/thermal/cooling_device0/type": "gpio-fan",
        "sys/class/thermal/cooling_device0/cur_state": 1,
        "sys/class/thermal/cooling_device0/max_state": 4,
        "proc/diskstats": (
            " 179       0 mmcblk0 4100 120 524288 3500 2050 300 262144 4500 2 6000 8000\n"
            " 179       1 mmcblk0p1 100 0 4096 50 2 0 16 1 0 40 51\n"
            "   1       0 ram0 0 0 0 0 0 0 0 0 0 0 0\n"
            "   7       0 loop0 5 0 40 1 0 0 0 0 0 2 1\n"
        ),
        "sys/block/mmcblk0/size": 62333952,
        "sys/block/ram0/size": 8192,
        "sys/block/loop0/size": 0,
        "proc/1/net/wireless": WIRELESS_HEAD
        + " wlan0: 0000   58.  -52.  -256        0      0      0      3      0        0\n",
        "proc/1/mounts": (
            "/dev/mmcblk0p2 / ext4 rw,noatime 0 0\n"
            "proc /proc proc rw 0 0\n"
            "/dev/mmcblk0p1 /boot/firmware vfat rw,relatime 0 0\n"
            "/dev/sda1 /media/usb\\040stick ext4 ro,relatime 0 0\n"
        ),
    }
    for cpu in range(4):
        tree[f"sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_cur_freq"] = 1500000
        tree[f"sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_min_freq"] = 600000
        tree[f"sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_max_freq"] = 1800000
    write(root, tree)
    hwmon(root, 0, "virtual/thermal/thermal_zone0", {"name": "cpu_thermal", "temp1_input": 48686, "temp1_crit": 110000})
    hwmon(root, 1, "platform/soc/soc:firmware/raspberrypi-hwmon", {"name": "rpi_volt", "in0_lcrit_alarm": 1})
    hwmon(root, 2, "platform/gpio-fan", {"name": "gpio_fan", "fan1_input": 2500, "pwm1": 128, "fan1_label": "case fan"})
    return cgroup_v2(root)


def x86_robot(root: Path) -> Path:
    """Makes an x86 robot: two throttled cores of two threads, a battery and a charger, IIO sensors, cgroup v1."""
    common(root)
    tree: dict[str, str | int] = {
        "sys/class/thermal/thermal_zone0/type": "acpitz",
        "sys/class/thermal/thermal_zone0/temp": 27800,
        "sys/class/thermal/thermal_zone12/type": "x86_pkg_temp",
        "sys/class/thermal/thermal_zone12/temp": -1500,
        "proc/diskstats": (
            " 259 0 nvme0n1 10 0 80 5 20 0 160 6 0 7 11 1 2 3 4 5 6\n 259 1 nvme0n1p1 1 0 8 1 0 0 0 0 0 1 1\n"
        ),
        "sys/block/nvme0n1/size": 500118192,
    }
    for cpu in range(4):
        tree |= {
            f"sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_cur_freq": 2400000 + cpu,
            f"sys/devices/system/cpu/cpu{cpu}/thermal_throttle/core_throttle_count": 7,
            f"sys/devices/system/cpu/cpu{cpu}/thermal_throttle/package_throttle_count": 9,
            f"sys/devices/system/cpu/cpu{cpu}/topology/core_id": cpu // 2,
            f"sys/devices/system/cpu/cpu{cpu}/topology/physical_package_id": 0,
        }
    write(root, tree | _battery() | _iio())
    (root / "sys/devices/system/cpu/cpufreq").mkdir()
    hwmon(
        root,
        4,
        "platform/coretemp.0",
        {
            "name": "coretemp",
            "temp1_input": 51000,
            "temp1_label": "Package id 0",
            "temp1_max": 100000,
            "temp1_crit_alarm": 0,
        },
    )
    hwmon(
        root,
        5,
        "pci0000:00/i2c-1/1-0040",
        {"name": "ina219", "in1_input": 24120, "curr1_input": -1830, "power1_input": 44140000},
    )
    hwmon(root, 6, "", {"name": "SoC-thermal", "temp1_input": 47000})  # of a thermal zone, before Linux 5.2
    return cgroup_v1(root)


def _battery() -> dict[str, str | int]:
    battery = "sys/class/power_supply/BAT0"
    return {
        f"{battery}/type": "Battery",
        f"{battery}/status": "Discharging",
        f"{battery}/technology": "Li-ion",
        f"{battery}/manufacturer": 'Say "Volt" \\ Sons',
        f"{battery}/model_name": "RB-6S",
        f"{battery}/serial_number": " 0042",
        f"{battery}/capacity": 87,
        f"{battery}/capacity_level": "Normal",
        f"{battery}/cycle_count": 131,
        f"{battery}/present": 1,
        f"{battery}/voltage_now": 23456000,
        f"{battery}/current_now": -1830000,
        f"{battery}/charge_now": 8700000,
        f"{battery}/charge_full": 9800000,
        f"{battery}/charge_full_design": 10000000,
        f"{battery}/temp": 314,
        f"{battery}/uevent": "POWER_SUPPLY_NAME=BAT0",
        "sys/class/power_supply/AC/type": "Mains",
        "sys/class/power_supply/AC/online": 0,
    }


def _iio() -> dict[str, str | int]:
    adc, imu, tof = (f"sys/bus/iio/devices/iio:device{number}" for number in range(3))
    return {
        f"{adc}/name": "ads1015",
        f"{adc}/in_voltage0_raw": 1000,
        f"{adc}/in_voltage0_scale": "3.0",
        f"{adc}/in_voltage0-voltage1_raw": -10,
        f"{adc}/in_voltage-voltage_scale": 2,
        f"{adc}/in_temp_raw": 100,
        f"{adc}/in_temp_offset": 150,
        f"{adc}/in_temp_scale": "100.0",
        f"{adc}/out_voltage0_raw": 5,
        f"{imu}/name": "bmi160",
        f"{imu}/in_accel_x_raw": 16384,
        f"{imu}/in_accel_z_raw": -8192,
        f"{imu}/in_accel_scale": "0.000598",
        f"{imu}/in_anglvel_y_raw": 100,
        f"{imu}/in_anglvel_scale": "0.001",
        f"{imu}/in_pressure_input": "101.325",
        f"{imu}/in_wonder_raw": 1,
        f"{tof}/name": "vl53l0x",
        f"{tof}/in_distance_raw": 1234,
        f"{tof}/in_distance_scale": "0.001",
    }
