"""GPU and NPU load, Raspberry Pi's throttling, clocks, watchdogs, wear of eMMC, humidity."""

from __future__ import annotations

from pathlib import Path

import pytest

from files.sensor_service.tests import field_robots
from files.sensor_service.tests.robots import hwmon
from files.sensor_service.tests.service import series
from files.sensor_service.tests.test_garbage import one_round
from files.sensor_service.tests.trees import write


def told(root: Path, name: str) -> dict[str, float]:
    page, error = one_round(root, name)
    assert error == ""
    return series(page)


@pytest.mark.parametrize("place", ["soc", "soc@107c000000"])
def test_throttling_is_told_by_condition_now_and_since_boot(tmp_path: Path, place: str) -> None:
    write(tmp_path, {f"sys/devices/platform/{place}/{place}:firmware/get_throttled": "50005"})
    found = told(tmp_path, "raspberry_pi")
    assert {name for name, value in found.items() if value} == {
        f'sensor_raspberry_pi_throttled{end}{{condition="{condition}"}}'
        for end in ("", "_since_boot")
        for condition in ("undervoltage", "throttled")
    }
    assert len(found) == 8


def test_wear_is_told_where_the_memory_tells_it(tmp_path: Path) -> None:
    mmc = "sys/bus/mmc/devices"
    write(
        tmp_path,
        {
            f"{mmc}/mmc0:0001/name": "G1M15M",
            f"{mmc}/mmc0:0001/life_time": "0x03 0x0b",
            f"{mmc}/mmc0:0001/pre_eol_info": "0x02",
            f"{mmc}/mmc1:0001/life_time": "0x00 0x00",
            f"{mmc}/mmc1:0001/pre_eol_info": "0x00",
            f"{mmc}/mmc2:0001/name": "SD16G",
        },
    )
    labels = 'device="mmc0:0001",name="G1M15M"'
    assert told(tmp_path, "wear") == {
        f'sensor_mmc_life_used_ratio{{{labels},memory="a"}}': 0.3,
        f'sensor_mmc_life_used_ratio{{{labels},memory="b"}}': 1.1,
        f"sensor_mmc_pre_end_of_life{{{labels}}}": 2,
    }


def test_a_watchdog_is_told_and_one_without_sysfs_is_absent(tmp_path: Path) -> None:
    dog = "sys/class/watchdog/watchdog0"
    write(
        tmp_path, {f"{dog}/identity": "BCM2835", f"{dog}/state": "active", f"{dog}/timeout": 15, f"{dog}/timeleft": 9}
    )
    (tmp_path / "sys/class/watchdog/watchdog1").mkdir()
    assert told(tmp_path, "watchdog") == {
        'node_watchdog_info{identity="BCM2835",name="watchdog0",state="active"}': 1,
        'node_watchdog_timeout_seconds{name="watchdog0"}': 15,
        'node_watchdog_timeleft_seconds{name="watchdog0"}': 9,
    }


def test_a_clock_tells_its_time(tmp_path: Path) -> None:
    write(tmp_path, {"sys/class/rtc/rtc0/name": "rpi_rtc", "sys/class/rtc/rtc0/since_epoch": 1_700_000_000})
    assert told(tmp_path, "rtc") == {'sensor_rtc_time_seconds{device="rtc0",name="rpi_rtc"}': 1_700_000_000}


def test_a_clock_tells_its_battery_where_the_driver_does(tmp_path: Path) -> None:
    found = told(field_robots.raspberry_pi_5(tmp_path), "rtc")
    labels = 'device="rtc0",name="rpi-rtc"'
    assert found[f"sensor_rtc_battery_volts{{{labels}}}"] == pytest.approx(3.143586)
    assert found[f"sensor_rtc_charging_volts{{{labels}}}"] == 0


@pytest.mark.parametrize(
    ("power", "expected"),
    [
        (
            {"max_current": 5000, "usb_max_current_enable": 1, "usb_over_current_detected": 0},
            {"supply_max_amps": 5, "usb_high_current": 1, "usb_over_current": 0},
        ),
        ({"max_current": 3072}, {"supply_max_amps": 3.072}),  # whose last byte is 0
        ({"max_current": 2570}, {"supply_max_amps": 2.57}),  # whose bytes are two line feeds
        ({"max_current": 0}, {}),  # a supply without Power Delivery
    ],
)
def test_what_the_supply_promised_is_told(tmp_path: Path, power: dict[str, int], expected: dict[str, float]) -> None:
    field_robots.device_tree(tmp_path, power)
    assert told(tmp_path, "raspberry_pi") == {f"sensor_raspberry_pi_{name}": value for name, value in expected.items()}


def test_a_property_that_is_no_number_is_a_fault_with_its_path(tmp_path: Path) -> None:
    field_robots.device_tree(tmp_path, {"usb_max_current_enable": 1})
    folder = "sys/firmware/devicetree/base/chosen/power"
    write(tmp_path, {f"{folder}/max_current": "5 amperes", f"{folder}/usb_over_current_detected": ""})
    page, error = one_round(tmp_path, "raspberry_pi")
    assert series(page) == {"sensor_raspberry_pi_usb_high_current": 1}
    assert "max_current: not 4 bytes" in error
    assert "usb_over_current_detected: not 4 bytes" in error


def test_a_raspberry_pis_gpu_counts_by_queue(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "sys/class/drm/card1/device/gpu_stats": "queue\ttimestamp\tjobs\truntime\n"
            "bin\t239043069420\t22620\t17438164056\n?\nrender\t239043069420\t9\tsoon\ncsd\t1\t0\t0"
        },
    )
    page, error = one_round(tmp_path, "accelerator")
    assert series(page) == {
        'sensor_gpu_queue_busy_seconds_total{card="card1",queue="bin"}': pytest.approx(17.438164056),
        'sensor_gpu_queue_busy_seconds_total{card="card1",queue="csd"}': 0,
    }
    assert error.count("gpu_stats: ") == 2


def test_an_npu_and_a_coral(tmp_path: Path) -> None:
    assert told(field_robots.laptop_like(tmp_path), "accelerator") == {
        'sensor_npu_busy_seconds_total{device="accel0"}': 2.5,
        'sensor_apex_temperature_celsius{device="apex_0"}': 45.8,
    }


def test_rails_bear_their_names(tmp_path: Path) -> None:
    old, new = "sys/bus/iio/devices/iio:device0", "sys/bus/iio/devices/iio:device1"
    write(
        tmp_path,
        {
            f"{old}/name": "ina3221x",
            f"{old}/rail_name_1": "VDD_GPU",
            f"{old}/in_power1_input": 1840,
            f"{old}/in_current1_input": 368,
            f"{new}/in_voltage0_label": "pack",
            f"{new}/in_voltage0_raw": 1000,
            f"{new}/in_voltage0_scale": 2,
        },
    )
    assert told(tmp_path, "iio") == {
        'sensor_iio_power_watts{channel="power1",device="iio:device0",label="VDD_GPU",name="ina3221x"}': 1.84,
        'sensor_iio_current_amps{channel="current1",device="iio:device0",label="VDD_GPU",name="ina3221x"}': 0.368,
        'sensor_iio_voltage_volts{channel="voltage0",device="iio:device1",label="pack"}': 2,
    }


def test_load_of_three_kinds_of_accelerator(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "sys/class/drm/card1/device/gpu_busy_percent": 42,
            "sys/class/drm/card1-HDMI-A-1/device/gpu_busy_percent": 1,
            "sys/class/devfreq/17000000.gpu/device/load": 371,
            "sys/class/devfreq/17000000.gpu/cur_freq": 918_000_000,
            "sys/class/devfreq/fdab0000.npu/load": "12@1000000000Hz",
        },
    )
    assert told(tmp_path, "accelerator") == {
        'node_drm_gpu_busy_percent{card="card1"}': 42,
        'sensor_devfreq_load_ratio{device="17000000.gpu"}': 0.371,
        'sensor_devfreq_frequency_hertz{device="17000000.gpu"}': 918_000_000,
        'sensor_devfreq_load_ratio{device="fdab0000.npu"}': 0.12,
    }


def test_humidity_is_a_ratio(tmp_path: Path) -> None:
    hwmon(tmp_path, 0, "platform/sht3x", {"name": "sht3x", "humidity1_input": 43210})
    wanted = 'sensor_hwmon_humidity_ratio{chip="platform_sht3x",sensor="humidity1"}'
    assert told(tmp_path, "hwmon")[wanted] == pytest.approx(0.4321)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("raspberry_pi", "sys/devices/platform/soc/soc:firmware/get_throttled"),
        ("wear", "sys/bus/mmc/devices/mmc0:0001/life_time"),
        ("watchdog", "sys/class/watchdog/watchdog0/timeout"),
        ("rtc", "sys/class/rtc/rtc0/since_epoch"),
        ("accelerator", "sys/class/devfreq/npu/load"),
        ("accelerator", "sys/class/accel/accel0/device/npu_busy_time_us"),
        ("accelerator", "sys/class/apex/apex_0/temp"),
        ("rtc", "sys/class/rtc/rtc0/battery_voltage"),
    ],
)
def test_rubbish_is_a_fault_with_its_path(tmp_path: Path, name: str, file: str) -> None:
    write(tmp_path, {file: "rubbish"})
    page, error = one_round(tmp_path, name)
    assert series(page) == {}
    assert file in error


def test_humidity_of_an_iio_sensor_is_a_ratio_processed_or_raw(tmp_path: Path) -> None:
    raw = "sys/bus/iio/devices/iio:device7"
    write(
        field_robots.arm_with_imu(tmp_path),
        {f"{raw}/in_humidityrelative_raw": 32768, f"{raw}/in_humidityrelative_scale": 1.525878906},
    )
    found = told(tmp_path, "iio")
    labels = 'channel="humidityrelative",device="iio:device2",name="bme280"'
    assert found[f"sensor_iio_humidity_ratio{{{labels}}}"] == pytest.approx(0.4321)
    assert found['sensor_iio_humidity_ratio{channel="humidityrelative",device="iio:device7"}'] == pytest.approx(0.5)
    pressure = 'sensor_iio_pressure_pascals{channel="pressure",device="iio:device2",name="bme280"}'
    assert found[pressure] == pytest.approx(100_250)


def test_a_supply_at_a_usb_c_port_is_told(tmp_path: Path) -> None:
    found = told(field_robots.laptop_like(tmp_path), "power_supply")
    supply = 'power_supply="ucsi-source-psy-USBC000:001"'
    assert {name: value for name, value in found.items() if supply in name} == {
        f'node_power_supply_info{{{supply},type="USB",usb_type="C [PD] PD_PPS"}}': 1,
        f"node_power_supply_online{{{supply}}}": 1,
        f"node_power_supply_voltage_volt{{{supply}}}": 20,
        f"node_power_supply_current_ampere{{{supply}}}": 2.25,
    }
