"""What each collector makes of fixture robots: names, labels, units."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sensor_service import exposition
from sensor_service.catalogue import COLLECTORS
from sensor_service.output import Output
from sensor_service.robot import Robot

from files.sensor_service.tests import field_robots, robots
from files.sensor_service.tests.service import series
from files.sensor_service.tests.trees import write


def run(root: Path, name: str, filesystems: dict[str, str] | None = None, now: float = 0.0) -> Output:
    out = Output()
    COLLECTORS[name](Robot(str(root / "proc"), str(root / "sys"), filesystems, now=lambda: now), out)
    return out


def collected(root: Path, name: str, filesystems: dict[str, str] | None = None) -> dict[str, float]:
    out = run(root, name, filesystems)
    assert out.faults == []
    return series(exposition.render(out.families.values(), False).decode())


def test_thermal_zones_and_cooling_devices_are_in_degrees_and_steps(raspberry_pi: Path) -> None:
    assert collected(raspberry_pi, "thermal") == {
        'node_thermal_zone_temp{zone="0",type="cpu-thermal"}': 48.686,
        'node_cooling_device_cur_state{name="0",type="gpio-fan"}': 1,
        'node_cooling_device_max_state{name="0",type="gpio-fan"}': 4,
    }


def test_temperatures_below_zero_and_zone_numbers_above_nine_are_read(x86_robot: Path) -> None:
    assert collected(x86_robot, "thermal")['node_thermal_zone_temp{zone="12",type="x86_pkg_temp"}'] == -1.5


def test_a_raspberry_pi_tells_its_undervoltage_alarm_and_its_fan(raspberry_pi: Path) -> None:
    found = collected(raspberry_pi, "hwmon")
    chip = 'chip="soc:firmware_raspberrypi_hwmon"'
    assert found[f'node_hwmon_in_lcrit_alarm_volts{{{chip},sensor="in0"}}'] == 1
    assert found[f'node_hwmon_chip_names{{{chip},chip_name="rpi_volt"}}'] == 1
    assert found['node_hwmon_temp_celsius{chip="thermal_thermal_zone0",sensor="temp1"}'] == 48.686
    assert found['node_hwmon_temp_crit_celsius{chip="thermal_thermal_zone0",sensor="temp1"}'] == 110
    assert found['node_hwmon_fan_rpm{chip="platform_gpio_fan",sensor="fan1"}'] == 2500
    assert found['node_hwmon_pwm{chip="platform_gpio_fan",sensor="pwm1"}'] == 128
    assert found['node_hwmon_sensor_label{chip="platform_gpio_fan",sensor="fan1",label="case fan"}'] == 1


def test_hwmon_converts_millivolts_milliamperes_and_microwatts(x86_robot: Path) -> None:
    found = collected(x86_robot, "hwmon")
    assert found['node_hwmon_in_volts{chip="i2c_1_1_0040",sensor="in1"}'] == 24.12
    assert found['node_hwmon_curr_amps{chip="i2c_1_1_0040",sensor="curr1"}'] == -1.83
    assert found['node_hwmon_power_watt{chip="i2c_1_1_0040",sensor="power1"}'] == 44.14
    assert found['node_hwmon_temp_crit_alarm_celsius{chip="platform_coretemp_0",sensor="temp1"}'] == 0


def test_a_driver_without_attributes_of_its_own_has_them_in_the_devices_folder(tmp_path: Path) -> None:
    chip = 'chip="platform_f71882fg_2560"'
    assert collected(field_robots.industrial_pc(tmp_path), "hwmon") == {
        f'node_hwmon_temp_celsius{{{chip},sensor="temp1"}}': 38,
        f'node_hwmon_sensor_label{{{chip},label="board",sensor="temp1"}}': 1,
        f'node_hwmon_fan_rpm{{{chip},sensor="fan1"}}': 1180,
        f'node_hwmon_in_volts{{{chip},sensor="in0"}}': 3.312,
        f'node_hwmon_pwm{{{chip},sensor="pwm1"}}': 255,
    }


def test_an_attribute_that_chip_and_device_both_have_is_told_once(tmp_path: Path) -> None:
    write(field_robots.industrial_pc(tmp_path), {"sys/class/hwmon/hwmon0/fan1_input": 900})
    assert collected(tmp_path, "hwmon")['node_hwmon_fan_rpm{chip="platform_f71882fg_2560",sensor="fan1"}'] == 900


def test_a_chip_without_device_and_name_is_named_by_its_number(tmp_path: Path) -> None:
    write(tmp_path, {"sys/class/hwmon/hwmon7/name": "?", "sys/class/hwmon/hwmon7/temp1_input": 1000})
    assert collected(tmp_path, "hwmon")['node_hwmon_temp_celsius{chip="hwmon7",sensor="temp1"}'] == 1


def test_a_battery_is_told_in_volts_amperes_and_percent(x86_robot: Path) -> None:
    found = collected(x86_robot, "power_supply")
    assert found['node_power_supply_capacity{power_supply="BAT0"}'] == 87
    assert found['node_power_supply_voltage_volt{power_supply="BAT0"}'] == 23.456
    assert found['node_power_supply_current_ampere{power_supply="BAT0"}'] == -1.83
    assert found['node_power_supply_charge_ampere{power_supply="BAT0"}'] == 8.7
    assert found['node_power_supply_temp_celsius{power_supply="BAT0"}'] == 31.4
    assert found['node_power_supply_cyclecount{power_supply="BAT0"}'] == 131
    assert found['node_power_supply_online{power_supply="AC"}'] == 0
    facts = [name for name in found if name.startswith("node_power_supply_info{") and 'power_supply="BAT0"' in name]
    assert len(facts) == 1
    assert r'manufacturer="Say \"Volt\" \\ Sons"' in facts[0]
    assert 'serial_number="0042"' in facts[0]


def test_iio_applies_offset_and_scale_and_converts_to_base_units(x86_robot: Path) -> None:
    found = collected(x86_robot, "iio")
    adc = 'device="iio:device0",name="ads1015"'
    imu = 'device="iio:device1",name="bmi160"'
    assert found == {
        f'sensor_iio_voltage_volts{{channel="voltage0",{adc}}}': 3.0,
        f'sensor_iio_voltage_volts{{channel="voltage0-voltage1",{adc}}}': -0.02,
        f'sensor_iio_temperature_celsius{{channel="temp",{adc}}}': 25.0,
        f'sensor_iio_acceleration_meters_per_second_squared{{channel="accel_x",{imu}}}': pytest.approx(9.797632),
        f'sensor_iio_acceleration_meters_per_second_squared{{channel="accel_z",{imu}}}': pytest.approx(-4.898816),
        f'sensor_iio_angular_velocity_radians_per_second{{channel="anglvel_y",{imu}}}': pytest.approx(0.1),
        f'sensor_iio_pressure_pascals{{channel="pressure",{imu}}}': pytest.approx(101325),
        'sensor_iio_distance_meters{channel="distance",device="iio:device2",name="vl53l0x"}': pytest.approx(1.234),
    }


def test_frequencies_are_in_hertz_for_each_core(raspberry_pi: Path) -> None:
    found = collected(raspberry_pi, "cpufreq")
    assert found['node_cpu_scaling_frequency_hertz{cpu="3"}'] == 1_500_000_000
    assert found['node_cpu_scaling_frequency_max_hertz{cpu="0"}'] == 1_800_000_000
    assert len(found) == 12


def test_threads_of_one_core_share_one_throttle_counter(x86_robot: Path) -> None:
    found = {name: value for name, value in collected(x86_robot, "cpufreq").items() if "throttles" in name}
    assert found == {
        'node_cpu_core_throttles_total{core="0",package="0"}': 7,
        'node_cpu_core_throttles_total{core="1",package="0"}': 7,
        'node_cpu_package_throttles_total{package="0"}': 9,
    }


def test_load_memory_pressure_and_vmstat_are_read_in_base_units(raspberry_pi: Path) -> None:
    assert collected(raspberry_pi, "load") == {"node_load1": 0.52, "node_load5": 0.48, "node_load15": 0.41}
    memory = collected(raspberry_pi, "memory")
    assert memory["node_memory_MemTotal_bytes"] == 3884360 * 1024
    assert memory["node_memory_CmaFree_bytes"] == 491136 * 1024
    assert "node_memory_Active_bytes" not in memory
    assert collected(raspberry_pi, "pressure") == {
        "node_pressure_cpu_waiting_seconds_total": 12.5,
        "node_pressure_io_waiting_seconds_total": 2.0,
        "node_pressure_io_stalled_seconds_total": 1.5,
        "node_pressure_memory_waiting_seconds_total": 0.25,
        "node_pressure_memory_stalled_seconds_total": 0.125,
    }
    vmstat = collected(raspberry_pi, "vmstat")
    assert (vmstat["node_vmstat_oom_kill"], vmstat["node_vmstat_pgmajfault"]) == (1, 4321)


def test_disks_are_told_in_bytes_and_seconds_without_partitions_or_ram(raspberry_pi: Path) -> None:
    assert collected(raspberry_pi, "disk") == {
        'node_disk_reads_completed_total{device="mmcblk0"}': 4100,
        'node_disk_read_bytes_total{device="mmcblk0"}': 524288 * 512,
        'node_disk_read_time_seconds_total{device="mmcblk0"}': 3.5,
        'node_disk_writes_completed_total{device="mmcblk0"}': 2050,
        'node_disk_written_bytes_total{device="mmcblk0"}': 262144 * 512,
        'node_disk_write_time_seconds_total{device="mmcblk0"}': 4.5,
        'node_disk_io_now{device="mmcblk0"}': 2,
        'node_disk_io_time_seconds_total{device="mmcblk0"}': 6.0,
    }


def test_newer_kernels_with_more_disk_fields_are_read_the_same(x86_robot: Path) -> None:
    assert collected(x86_robot, "disk")['node_disk_io_time_seconds_total{device="nvme0n1"}'] == 0.007


def test_network_traffic_is_the_robots_and_leaves_container_cables_out(raspberry_pi: Path) -> None:
    found = collected(raspberry_pi, "network")
    assert found['node_network_receive_bytes_total{device="eth0"}'] == 123456789
    assert found['node_network_transmit_bytes_total{device="eth0"}'] == 987654321
    assert found['node_network_transmit_drop_total{device="eth0"}'] == 4
    assert not [name for name in found if "veth" in name]


@pytest.mark.parametrize(("level", "expected"), [("-52.", -52), ("-52", -52), ("204.", -52), ("-256", None)])
def test_wifi_signal_is_in_dbm_and_absent_without_a_connection(
    tmp_path: Path, level: str, expected: int | None
) -> None:
    line = f" wlan0: 0000   58.  {level}  -256        0      0      0      3      0        0\n"
    write(tmp_path, {"proc/1/net/wireless": robots.WIRELESS_HEAD + line})
    wanted = {} if expected is None else {'node_wifi_station_signal_dbm{device="wlan0"}': expected}
    assert collected(tmp_path, "wifi") == wanted


def test_filesystems_bear_the_robots_path_device_and_type(raspberry_pi: Path, tmp_path: Path) -> None:
    found = collected(raspberry_pi, "filesystem", {"/": str(tmp_path), "/media/usb stick": str(tmp_path)})
    labels = 'device="/dev/mmcblk0p2",fstype="ext4",mountpoint="/"'
    real = os.statvfs(tmp_path)
    assert found[f"node_filesystem_size_bytes{{{labels}}}"] == real.f_blocks * real.f_frsize
    assert found[f"node_filesystem_avail_bytes{{{labels}}}"] > 0
    assert found[f"node_filesystem_readonly{{{labels}}}"] == 0
    stick = 'device="/dev/sda1",fstype="ext4",mountpoint="/media/usb stick"'
    assert found[f"node_filesystem_readonly{{{stick}}}"] == 1


def test_a_filesystem_that_is_not_there_fails_alone(raspberry_pi: Path, tmp_path: Path) -> None:
    out = run(raspberry_pi, "filesystem", {"/": str(tmp_path), "/data": str(tmp_path / "gone")})
    found = series(exposition.render(out.families.values(), False).decode())
    labels = 'device="/dev/mmcblk0p2",fstype="ext4",mountpoint="/data"'
    assert found[f"node_filesystem_device_error{{{labels}}}"] == 1
    assert f"node_filesystem_size_bytes{{{labels}}}" not in found
    assert 'node_filesystem_size_bytes{device="/dev/mmcblk0p2",fstype="ext4",mountpoint="/"}' in found
    assert out.faults == ["/data: No such file or directory"]


@pytest.mark.parametrize("name", [name for name in COLLECTORS if name not in ("simulated", "load", "memory", "vmstat")])
def test_absent_hardware_is_no_series_and_no_fault(bare_robot: Path, name: str) -> None:
    out = run(bare_robot, name)
    assert out.faults == []
    if name not in ("network", "pressure"):
        assert out.families == {}


@pytest.mark.parametrize("name", ["load", "memory", "vmstat", "disk", "network"])
def test_a_proc_that_is_not_mounted_is_a_failure_not_absent_hardware(tmp_path: Path, name: str) -> None:
    with pytest.raises(OSError):
        run(tmp_path, name)


@pytest.mark.parametrize("now", [0.0, 1.0, 3600.0, 1_700_000_000.25])
def test_simulated_series_are_all_labelled_and_plausible(tmp_path: Path, now: float) -> None:
    out = run(tmp_path, "simulated", now=now)
    found = series(exposition.render(out.families.values(), False).decode())
    assert len(found) == 5
    for name, value in found.items():
        assert 'simulated="true"' in name
        low, high = {"node_t": (35, 60), "node_p": (-10, 100), "sensor": (0.1, 4)}[name[:6]]
        assert low <= value <= high


def test_simulated_values_depend_on_the_clock_alone_and_move_smoothly(tmp_path: Path) -> None:
    def temperature(now: float) -> float:
        return float(
            next(iter(run(tmp_path, "simulated", now=now).families["node_thermal_zone_temp"].samples.values()))
        )

    assert temperature(5000.0) == temperature(5000.0)
    steps = [abs(temperature(now) - temperature(now + 1)) for now in range(0, 2000, 7)]
    assert 0 < max(steps) < 0.5
