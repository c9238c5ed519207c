"""What robots in the field have: two sensors with one name, values that stand for none, missing units, a bad bus."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sensor_service import files
from sensor_service.catalogue import COLLECTORS
from sensor_service.metric import gauge
from sensor_service.output import Output
from sensor_service.robot import Robot

from files.sensor_service.tests import field_robots
from files.sensor_service.tests.robots import WIRELESS_HEAD, hwmon
from files.sensor_service.tests.service import Service, series
from files.sensor_service.tests.test_garbage import one_round
from files.sensor_service.tests.trees import write

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def break_reads(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes reads of files fail as a bad bus does: the file opens, and its read has an error without a name."""

    def install(code: int, *endings: str) -> None:
        real_open, real_read = os.open, os.read
        bad: set[int] = set()

        def opening(path: str, *arguments: int) -> int:
            descriptor = real_open(path, *arguments)
            bad.discard(descriptor)
            if str(path).endswith(endings):
                bad.add(descriptor)
            return descriptor

        def reading(descriptor: int, size: int) -> bytes:
            if descriptor in bad:
                raise OSError(code, os.strerror(code))
            return real_read(descriptor, size)

        monkeypatch.setattr(os, "open", opening)
        monkeypatch.setattr(os, "read", reading)

    return install


def names(page: str, start: str) -> list[str]:
    return [name for name in series(page) if name.startswith(start)]


# two things with one name


def test_three_chips_on_one_device_are_three(tmp_path: Path) -> None:
    for number in range(3):
        hwmon(tmp_path, number, "platform/x/ieee80211/phy0", {"name": f"mt7996_phy0_{number}", "temp1_input": 50000})
    page, error = one_round(tmp_path, "hwmon")
    assert error == ""
    found = [
        f'node_hwmon_temp_celsius{{chip="ieee80211_phy0_mt7996_phy0_{number}",sensor="temp1"}}' for number in range(3)
    ]
    assert names(page, "node_hwmon_temp_celsius") == found


def test_chips_that_share_device_and_name_bear_their_number(tmp_path: Path) -> None:
    for number in (4, 5):
        hwmon(tmp_path, number, "platform/twin", {"name": "twin", "temp1_input": 50000})
    hwmon(tmp_path, 6, "platform/other", {"name": "other", "temp1_input": 50000})
    page, error = one_round(tmp_path, "hwmon")
    assert error == ""
    chips = ("platform_twin_hwmon4", "platform_twin_hwmon5", "platform_other")
    assert names(page, "node_hwmon_temp_celsius") == [
        f'node_hwmon_temp_celsius{{chip="{chip}",sensor="temp1"}}' for chip in chips
    ]


def test_chips_without_a_device_bear_their_drivers_name(tmp_path: Path) -> None:
    for number, name in enumerate(("cpu_thermal", "GPU thermal", "twin", "twin")):
        hwmon(tmp_path, number, "", {"name": name, "temp1_input": 50000})
    page, error = one_round(tmp_path, "hwmon")
    assert error == ""
    assert names(page, "node_hwmon_temp_celsius") == [
        f'node_hwmon_temp_celsius{{chip="{chip}",sensor="temp1"}}'
        for chip in ("cpu_thermal", "gpu_thermal", "twin_hwmon2", "twin_hwmon3")
    ]


def test_a_suffix_that_makes_another_chips_name_is_not_taken(tmp_path: Path) -> None:
    hwmon(tmp_path, 0, "platform/a", {"name": "b", "temp1_input": 1000})
    hwmon(tmp_path, 1, "platform/a", {"name": "c", "temp1_input": 2000})
    hwmon(tmp_path, 2, "platform/a-b", {"name": "d", "temp1_input": 3000})
    page, error = one_round(tmp_path, "hwmon")
    assert error == ""
    assert len(names(page, "node_hwmon_temp_celsius")) == 3


def test_the_same_series_in_another_order_of_labels_is_told(tmp_path: Path) -> None:
    out = Output()
    metric = gauge("x", "")
    out.add(metric, 1, a="1", b="2")
    out.add(metric, 2, b="2", a="1")
    assert list(out.families["x"].samples.values()) == ["1"]
    assert out.faults == ['x{a="1",b="2"}: told twice, the first one counts']


# values that stand for none, and units


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("0000     0     0     0", {}),  # no connection
        ("0000   58.  -52.  -256", {"node_wifi_station_signal_dbm": -52}),
        ("0000   58.  204.  256.", {"node_wifi_station_signal_dbm": -52}),  # a byte, not yet negative
        ("0000   100.  100.  0.", {"sensor_wifi_signal_raw": 100}),  # a percentage, as some USB drivers have it
        ("0000   30.   1.  0.", {"sensor_wifi_signal_raw": 1}),
        ("0000    0  -256  -256", {}),
        ("0000   58.    0.    0", {}),
    ],
)
def test_a_wifi_signal_is_dbm_or_says_that_it_is_not(tmp_path: Path, fields: str, expected: dict[str, int]) -> None:
    write(
        tmp_path,
        {"proc/1/net/wireless": WIRELESS_HEAD + f" wlan0: {fields}   0      0      0      0      0        0\n"},
    )
    page, error = one_round(tmp_path, "wifi")
    assert error == ""
    assert series(page) == {f'{name}{{device="wlan0"}}': value for name, value in expected.items()}


COLD = {
    "thermal": {"sys/class/thermal/thermal_zone4/type": "cv0-thermal", "sys/class/thermal/thermal_zone4/temp": "{}000"},
    "power_supply": {"sys/class/power_supply/BAT0/temp": "{}0"},
    "iio": {"sys/bus/iio/devices/iio:device0/in_temp_input": "{}000"},
    "accelerator": {"sys/class/apex/apex_0/temp": "{}000"},
    "hwmon": {"sys/class/hwmon/hwmon0/temp1_input": "{}000"},
}


@pytest.mark.parametrize("name", COLD)
@pytest.mark.parametrize(("degrees", "told"), [(-256, False), (-274, False), (-40, True), (-196, True)])
def test_a_temperature_that_stands_for_none_is_absent(tmp_path: Path, name: str, degrees: int, told: bool) -> None:
    write(tmp_path, {file: text.format(degrees) for file, text in COLD[name].items()})
    page, error = one_round(tmp_path, name)
    assert error == ""
    assert (degrees in series(page).values()) is told
    assert min(series(page).values(), default=0) >= -200


@pytest.mark.parametrize("channel", ["voltage0", "voltage0-voltage1", "temp", "accel_x", "illuminance"])
def test_a_raw_value_without_a_scale_says_raw(tmp_path: Path, channel: str) -> None:
    write(tmp_path, {f"sys/bus/iio/devices/iio:device0/in_{channel}_raw": 2048})
    page, error = one_round(tmp_path, "iio")
    assert error == ""
    assert series(page) == {f'sensor_iio_raw{{channel="{channel}",device="iio:device0"}}': 2048}


def test_a_scale_that_cannot_be_read_is_no_scale_of_one(tmp_path: Path, break_reads: Callable[..., None]) -> None:
    device = "sys/bus/iio/devices/iio:device0"
    write(tmp_path, {f"{device}/in_voltage0_raw": 2048, f"{device}/in_voltage0_scale": 1, f"{device}/in_temp_input": 5})
    break_reads(errno.EIO, "in_voltage0_scale")
    page, error = one_round(tmp_path, "iio")
    assert len(series(page)) == 1
    assert "in_voltage0_scale: Input/output error" in error


def test_a_quaternion_is_four_series(tmp_path: Path) -> None:
    device = "sys/bus/iio/devices/iio:device0"
    write(tmp_path, {f"{device}/in_rot_quaternion_raw": "0 1 -2 30000", f"{device}/in_rot_quaternion_scale": 0.0001})
    page, error = one_round(tmp_path, "iio")
    assert error == ""
    assert [round(value, 6) for value in series(page).values()] == [0, 0.0001, -0.0002, 3]
    assert [name.partition('component="')[2][0] for name in series(page)] == ["x", "y", "z", "w"]


@pytest.mark.parametrize(
    ("name", "file", "text"),
    [
        *[("iio", "sys/bus/iio/devices/iio:device0/in_rot_quaternion_raw", text) for text in ("1 2", "1 2 3 4 5", "")],
        ("iio", "sys/bus/iio/devices/iio:device0/in_accel_x_raw", "1 2 3"),
        ("iio", "sys/bus/iio/devices/iio:device0/in_temp_input", "21000 22000"),
        ("wear", "sys/bus/mmc/devices/mmc0:0001/life_time", "0x01"),
        ("thermal", "sys/class/thermal/thermal_zone0/temp", "21000 22000"),
    ],
)
def test_another_number_of_numbers_is_told_with_its_path(tmp_path: Path, name: str, file: str, text: str) -> None:
    write(tmp_path, {file: text})
    page, error = one_round(tmp_path, name)
    assert series(page) == {}
    assert f"{Path(file).name}: " in error


# what cannot be seen


def test_a_hidden_proc_makes_nothing_read_only(tmp_path: Path) -> None:
    write(tmp_path, {"proc/meminfo": "MemTotal: 1 kB"})
    out = Output()
    COLLECTORS["filesystem"](Robot(str(tmp_path / "proc"), str(tmp_path / "sys"), {"/": str(tmp_path)}), out)
    assert "node_filesystem_readonly" not in out.families
    assert "node_filesystem_avail_bytes" in out.families
    assert out.faults == [f"{tmp_path}/proc/1/mounts: No such file or directory"]


@pytest.mark.parametrize(("name", "file"), [("network", "1/net/dev"), ("wifi", "1/net/wireless")])
def test_what_a_hidden_proc_hides_is_named(tmp_path: Path, name: str, file: str) -> None:
    write(tmp_path, {"proc/meminfo": "MemTotal: 1 kB"})
    assert f"{tmp_path}/proc/{file}: No such file or directory" in one_round(tmp_path, name)[1]


# one bad attribute, one core that is off


@pytest.mark.parametrize("code", [errno.EBUSY, errno.EAGAIN, errno.ENODATA, 524])
def test_a_core_that_is_off_has_no_frequency_and_fails_nothing(
    raspberry_pi: Path, break_reads: Callable[..., None], code: int
) -> None:
    break_reads(code, "cpu2/cpufreq/scaling_cur_freq", "cpu2/cpufreq/scaling_min_freq")
    page, error = one_round(raspberry_pi, "cpufreq")
    assert error == ""
    assert len(names(page, "node_cpu_scaling_frequency_hertz")) == 3


def test_what_the_kernel_does_not_know_fails_nothing(raspberry_pi: Path) -> None:
    write(raspberry_pi, {"sys/devices/system/cpu/cpu2/cpufreq/scaling_cur_freq": "<unknown>"})
    page, error = one_round(raspberry_pi, "cpufreq")
    assert error == ""
    assert len(names(page, "node_cpu_scaling_frequency_hertz")) == 3


@pytest.mark.parametrize(
    ("name", "file", "code"),
    [
        ("thermal", "thermal_zone0/temp", errno.EAGAIN),  # a zone that is off
        ("iio", "in_accel_x_raw", errno.EBUSY),  # a converter that fills a buffer
        ("power_supply", "BAT0/capacity", errno.ENODATA),  # a gauge that has not learned yet
        ("hwmon", "temp1_input", errno.ENXIO),  # a sensor that was pulled out
    ],
)
def test_no_value_now_is_no_fault(
    tmp_path: Path, break_reads: Callable[..., None], name: str, file: str, code: int
) -> None:
    whole = len(series(one_round(many(tmp_path), name)[0]))
    break_reads(code, file)
    page, error = one_round(tmp_path, name)
    assert error == ""
    assert len(series(page)) < whole


BAD = {
    "power_supply": ("power_supply/BAT0/status", "power_supply/BAT1/capacity"),
    "hwmon": ("hwmon0/temp1_label", "hwmon1/name"),
    "iio": ("iio:device0/name", "iio:device1/in_accel_scale"),
    "thermal": ("thermal_zone0/type", "thermal_zone1/temp"),
    "cpufreq": ("cpu0/topology/core_id", "cpu1/cpufreq/scaling_cur_freq"),
}


def many(root: Path) -> Path:
    """Three of each kind."""
    tree: dict[str, str | float] = {}
    for number in range(3):
        tree |= {
            f"sys/class/power_supply/BAT{number}/status": "Full",
            f"sys/class/power_supply/BAT{number}/capacity": 50,
            f"sys/class/thermal/thermal_zone{number}/type": "zone",
            f"sys/class/thermal/thermal_zone{number}/temp": 40000,
            f"sys/bus/iio/devices/iio:device{number}/name": "imu",
            f"sys/bus/iio/devices/iio:device{number}/in_accel_x_raw": 100,
            f"sys/bus/iio/devices/iio:device{number}/in_accel_scale": 0.1,
            f"sys/devices/system/cpu/cpu{number}/cpufreq/scaling_cur_freq": 100,
            f"sys/devices/system/cpu/cpu{number}/topology/core_id": number,
            f"sys/devices/system/cpu/cpu{number}/topology/physical_package_id": 0,
            f"sys/devices/system/cpu/cpu{number}/thermal_throttle/core_throttle_count": 1,
        }
        hwmon(root, number, f"platform/chip.{number}", {"name": "chip", "temp1_input": 40000, "temp1_label": "core"})
    return write(root, tree)


@pytest.mark.parametrize("name", BAD)
def test_one_bad_attribute_costs_itself_and_is_named(
    tmp_path: Path, break_reads: Callable[..., None], name: str
) -> None:
    whole = len(series(one_round(many(tmp_path), name)[0]))
    first, second = BAD[name]
    break_reads(errno.EIO, first)
    page, error = one_round(tmp_path, name)
    assert f"{first}: Input/output error" in error
    assert len(series(page)) >= whole - 1
    break_reads(errno.EREMOTEIO, second)
    page, error = one_round(tmp_path, name)
    assert f"{second}: Remote I/O error" in error
    assert len(series(page)) >= whole - 2


@pytest.mark.parametrize("name", ["memory", "load", "vmstat", "disk", "network", "wifi"])
def test_a_table_that_cannot_be_read_is_named(raspberry_pi: Path, break_reads: Callable[..., None], name: str) -> None:
    break_reads(errno.EIO, "meminfo", "loadavg", "vmstat", "diskstats", "net/dev", "wireless")
    error = one_round(raspberry_pi, name)[1]
    assert error.startswith(str(raspberry_pi))
    assert error.endswith(": Input/output error")


def test_collectors_read_attributes_only_where_one_failure_costs_one_attribute() -> None:
    raising = ("files.text(", "files.integer(", "files.names(", "files.link(", "files.directories(")
    folder = Path(files.__file__).parent / "collectors"
    assert [
        f"{path.name}: {word}" for path in sorted(folder.glob("*.py")) for word in raising if word in path.read_text()
    ] == []


# whole robots


def told(root: Path) -> tuple[dict[str, float], list[str]]:
    """A robot's page, and the collectors that failed."""
    service = Service(root)
    page = series(service.get().body)
    service.stop()
    return page, service.scraper.failing()


@pytest.mark.parametrize(
    ("build", "wanted"),
    [
        (
            field_robots.raspberry_pi_5,
            {
                'node_hwmon_in_volts{chip="1000120000_pcie_1f000c8000_adc",sensor="in1"}': 1.482,
                'node_hwmon_fan_rpm{chip="platform_cooling_fan",sensor="fan1"}': 3021,
                'node_hwmon_in_lcrit_alarm_volts{chip="soc:firmware_raspberrypi_hwmon",sensor="in0"}': 0,
                'node_cooling_device_cur_state{name="0",type="pwm-fan"}': 2,
            },
        ),
        (
            field_robots.jetson,
            {
                'node_thermal_zone_temp{type="tj-thermal",zone="8"}': 48,
                'node_hwmon_curr_amps{chip="i2c_1_1_0040",sensor="curr3"}': 2.52,
                'node_hwmon_sensor_label{chip="i2c_1_1_0040",label="VDD_IN",sensor="in1"}': 1,
                'node_cpu_scaling_frequency_hertz{cpu="3"}': 1_728_000_000,
            },
        ),
        (
            field_robots.laptop_like,
            {
                'node_power_supply_capacity{power_supply="BAT1"}': 79,
                'node_hwmon_fan_rpm{chip="platform_wmi_board_board",sensor="fan1"}': 2100,
                'node_hwmon_fan_rpm{chip="platform_wmi_board_board_sensors",sensor="fan1"}': 900,
            },
        ),
        (
            field_robots.arm_with_imu,
            {
                'sensor_iio_raw{channel="voltage0",device="iio:device1",name="mcp3008"}': 512,
                'sensor_iio_voltage_volts{channel="voltage1",device="iio:device1",name="mcp3008"}': 0.322265625,
                'sensor_iio_temperature_celsius{channel="temp",device="iio:device0",name="bno055"}': 31,
            },
        ),
        (
            field_robots.usb_wifi,
            {
                'node_wifi_station_signal_dbm{device="wlan0"}': -52,
                'sensor_wifi_signal_raw{device="wlan1"}': 100,
                'node_wifi_station_signal_dbm{device="wlan2"}': -52,
            },
        ),
    ],
)
def test_a_whole_robot_is_told_without_a_fault(
    tmp_path: Path, build: Callable[[Path], Path], wanted: dict[str, float]
) -> None:
    page, failing = told(build(tmp_path))
    assert failing == []
    assert {name: page[name] for name in wanted} == pytest.approx(wanted)


def test_without_psi_there_is_no_pressure(tmp_path: Path) -> None:
    page = told(field_robots.raspberry_pi_5(tmp_path))[0]
    assert not [name for name in page if name.startswith("node_pressure")]


def test_cores_that_are_off_and_cards_without_a_connection_are_absent(tmp_path: Path) -> None:
    page = told(field_robots.jetson(tmp_path / "jetson"))[0]
    assert len([name for name in page if name.startswith("node_cpu_scaling_frequency_hertz")]) == 4
    assert not [name for name in told(field_robots.usb_wifi(tmp_path / "wifi"))[0] if "wlan3" in name]


def test_zones_of_a_jetson_that_are_off_are_absent(tmp_path: Path) -> None:
    page, failing = told(field_robots.jetson(tmp_path))
    zones = [
        name.partition('type="')[2].partition("-")[0] for name in page if name.startswith("node_thermal_zone_temp")
    ]
    assert sorted(zones) == ["cpu", "gpu", "soc0", "soc1", "soc2", "tj"]
    assert failing == []
