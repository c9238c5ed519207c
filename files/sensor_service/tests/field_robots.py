"""More robots: a Jetson Orin, a laptop-like x86 robot, an industrial PC, an arm with IMU and ADC, three kinds of Wi-Fi.

Numbers are typical; what each tree stands for is said in its builder. Formats: docs.kernel.org, hwmon and IIO ABI.
"""

from __future__ import annotations

from pathlib import Path

from files.sensor_service.tests import robots
from files.sensor_service.tests.robots import WIRELESS_HEAD, common, hwmon
from files.sensor_service.tests.trees import write


def raspberry_pi_5(root: Path) -> Path:
    """Makes a Raspberry Pi 5: an ADC of the SoC, a PWM fan with its cooling device, the undervoltage alarm, no PSI."""
    common(root)
    for file in (root / "proc/pressure").iterdir():
        file.unlink()
    write(root, _zone(0, "cpu-thermal", 52350) | _cooling(0, "pwm-fan", 2, 4) | {"proc/diskstats": ""})
    hwmon(root, 0, "virtual/thermal/thermal_zone0", {"name": "cpu_thermal", "temp1_input": 52350})
    hwmon(
        root,
        1,
        "platform/axi/1000120000.pcie/1f000c8000.adc",
        {"name": "rp1_adc", "in1_input": 1482, "temp1_input": 48500},
    )
    hwmon(root, 2, "platform/cooling_fan", {"name": "pwmfan", "fan1_input": 3021, "pwm1": 125, "pwm1_enable": 1})
    hwmon(root, 3, "platform/soc/soc:firmware/raspberrypi-hwmon", {"name": "rpi_volt", "in0_lcrit_alarm": 0})
    clock, dog = (
        "platform/soc@107c000000/soc@107c000000:rpi_rtc/rtc/rtc0",
        "platform/soc/bcm2835-wdt/watchdog/watchdog0",
    )
    device(root, "class/rtc/rtc0", clock, {"name": "rpi-rtc", "since_epoch": 1_700_000_000, "hctosys": 1})
    write(root / "sys/devices" / clock, {"battery_voltage": 3_143_586, "charging_voltage": 0})
    device(root, "class/watchdog/watchdog0", dog, {"identity": "Broadcom BCM2835", "state": "inactive", "timeout": 15})
    gpu = "platform/axi/1002000000.v3d"
    device(root, "class/drm/card0", f"{gpu}/drm/card0", {"dev": "226:0"})
    (root / f"sys/devices/{gpu}/drm/card0/device").symlink_to("../..")
    write(
        root,
        {
            f"sys/devices/{gpu}/gpu_stats": "queue\ttimestamp\tjobs\truntime\nbin\t239043069420\t22620\t17438164056",
            "sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled": "0",
        },
    )
    return device_tree(root, {"max_current": 3000, "usb_max_current_enable": 0, "usb_over_current_detected": 0})


def device(root: Path, link: str, home: str, attributes: dict[str, str | int]) -> None:
    """Adds a device below `sys/devices`, linked from its class or bus as sysfs does."""
    write(root / "sys/devices" / home, attributes)
    path = root / "sys" / link
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to("../" * link.count("/") + f"devices/{home}")


def device_tree(root: Path, power: dict[str, int]) -> Path:
    """Adds what the firmware of a Raspberry Pi says of its supply: big-endian numbers of 32 bits."""
    folder = root / "sys/firmware/devicetree/base/chosen/power"
    folder.mkdir(parents=True)
    for name, value in power.items():
        (folder / name).write_bytes(value.to_bytes(4, "big"))
    return root


def jetson(root: Path) -> Path:
    """Makes a Jetson Orin: nine thermal zones, of which some are off, an INA3221 of three rails, cores that are off."""
    common(root)
    zones = ("cpu", "gpu", "cv0", "cv1", "cv2", "soc0", "soc1", "soc2", "tj")
    tree: dict[str, str | float] = {"proc/diskstats": ""}
    for number, name in enumerate(zones):
        # those of the vision cores are off while nothing uses them
        tree |= _zone(number, f"{name}-thermal", -256000 if name.startswith("cv") else 47000 + number * 125)
    for cpu in range(8):
        if cpu < 4:
            tree |= _frequencies(cpu, 1728000)
        else:  # a core that is off has no cpufreq
            tree[f"sys/devices/system/cpu/cpu{cpu}/online"] = 0
    write(root, tree)
    rails: dict[str, str | int] = {"name": "ina3221"}
    for number, rail in enumerate(("VDD_IN", "VDD_CPU_GPU_CV", "VDD_SOC"), 1):
        rails |= {f"in{number}_label": rail, f"in{number}_input": 5040, f"curr{number}_input": 840 * number}
    hwmon(root, 1, "platform/c240000.i2c/i2c-1/1-0040", rails)
    gpu, card = "platform/bus@0/17000000.gpu", "platform/bus@0/3460000.mmc/mmc_host/mmc0/mmc0:0001"
    device(root, "class/devfreq/17000000.gpu", f"{gpu}/devfreq/17000000.gpu", {"cur_freq": 918_000_000})
    write(root / "sys/devices" / gpu, {"load": 371})
    (root / f"sys/devices/{gpu}/devfreq/17000000.gpu/device").symlink_to("../..")
    device(
        root, "bus/mmc/devices/mmc0:0001", card, {"name": "G1M15M", "life_time": "0x01 0x01", "pre_eol_info": "0x01"}
    )
    return root


def laptop_like(root: Path) -> Path:
    """Makes an x86 robot with two batteries, USB-C, two hardware monitors below one device, an NPU and a Coral."""
    common(root)
    tree: dict[str, str | float] = _zone(0, "acpitz", 38000) | {"proc/diskstats": ""}
    for number in range(2):
        battery = f"sys/class/power_supply/BAT{number}"
        tree |= {
            f"{battery}/type": "Battery",
            f"{battery}/status": "Discharging",
            f"{battery}/capacity": 80 - number,
            f"{battery}/voltage_now": 15_400_000,
            f"{battery}/power_now": 9_100_000,
            f"{battery}/energy_now": 30_000_000,
        }
    write(root, tree | _usb_c())
    hwmon(root, 2, "platform/wmi-board", {"name": "board", "fan1_input": 2100, "temp1_input": 41000})
    hwmon(root, 3, "platform/wmi-board", {"name": "board_sensors", "fan1_input": 900, "temp1_input": 43000})
    hwmon(root, 4, "platform/sht3x", {"name": "sht3x", "humidity1_input": 43210, "temp1_input": 21500})
    hwmon(root, 5, "platform/ina238", {"name": "ina238", "power1_input": 12_500_000, "energy1_input": 9_000_000})
    npu, coral = "pci0000:00/0000:00:0b.0", "pci0000:00/0000:01:00.0/apex/apex_0"
    device(root, "class/accel/accel0", f"{npu}/accel/accel0", {"dev": "261:0"})
    write(root / "sys/devices" / npu, {"npu_busy_time_us": 2_500_000})
    (root / f"sys/devices/{npu}/accel/accel0/device").symlink_to("../..")
    device(root, "class/apex/apex_0", coral, {"temp": 45800})
    return root


def _usb_c() -> dict[str, str | float]:
    """A supply at a USB-C port whose controller speaks UCSI, as Linux 6.x has it."""
    supply = "sys/class/power_supply/ucsi-source-psy-USBC000:001"
    return {
        f"{supply}/type": "USB",
        f"{supply}/usb_type": "C [PD] PD_PPS",
        f"{supply}/online": 1,
        f"{supply}/voltage_now": 20_000_000,
        f"{supply}/voltage_min": 5_000_000,
        f"{supply}/voltage_max": 20_000_000,
        f"{supply}/current_now": 2_250_000,
        f"{supply}/current_max": 3_250_000,
    }


def amd_graphics(root: Path) -> Path:
    """Makes an x86 robot that sees by an AMD GPU (amdgpu)."""
    common(root)
    gpu = "pci0000:00/0000:03:00.0"
    device(root, "class/drm/card1", f"{gpu}/drm/card1", {"dev": "226:1"})
    (root / f"sys/devices/{gpu}/drm/card1/device").symlink_to("../..")
    attributes: dict[str, str | int] = {
        "uevent": "DRIVER=amdgpu",
        "gpu_busy_percent": 42,
        "mem_info_gtt_total": 8_000_000_000,
        "mem_info_gtt_used": 100_000_000,
        "mem_info_vram_total": 4_000_000_000,
        "mem_info_vram_used": 900_000_000,
        "mem_info_vram_vendor": "samsung",
        **{f"mem_info_vis_vram_{end}": 256_000_000 for end in ("total", "used")},
        "power_dpm_force_performance_level": "auto",
        "unique_id": "0123456789abcdef",
    }
    write(root / "sys/devices" / gpu, attributes)
    return write(root, {"proc/diskstats": ""})


def arm_with_imu(root: Path) -> Path:
    """Makes a robot with IMU, ADC and weather by IIO: shared scales, a quaternion, a channel without a scale."""
    common(root)
    imu, adc, air = (f"sys/bus/iio/devices/iio:device{number}" for number in range(3))
    return write(
        root,
        {
            "proc/diskstats": "",
            f"{imu}/name": "bno055",
            **{f"{imu}/in_accel_{axis}_raw": 981 for axis in "xyz"},
            f"{imu}/in_accel_scale": 0.01,
            f"{imu}/in_rot_quaternion_raw": "0 0 0 16384",
            f"{imu}/in_rot_quaternion_scale": 0.000061035,
            f"{imu}/in_temp_input": 31000,
            f"{adc}/name": "mcp3008",
            f"{adc}/in_voltage0_raw": 512,
            f"{adc}/in_voltage1_raw": 100,
            f"{adc}/in_voltage1_scale": 3.22265625,
            f"{air}/name": "bme280",
            f"{air}/in_humidityrelative_input": 43210,
            f"{air}/in_pressure_input": 100.25,
            f"{air}/in_temp_input": 21500,
        },
    )


def usb_wifi(root: Path) -> Path:
    """Makes a robot with Wi-Fi of three drivers, in dBm, in percent, as a byte, and one without a connection."""
    common(root)
    levels = ("58.  -52.  -256", "100.  100.  0.", "58.  204.  161.", "0     0     0")
    lines = [f" wlan{number}: 0000   {level}  0  0  0  0  0  0\n" for number, level in enumerate(levels)]
    return write(root, {"proc/diskstats": "", "proc/1/net/wireless": WIRELESS_HEAD + "".join(lines)})


def industrial_pc(root: Path) -> Path:
    """Makes an x86 robot whose Super-I/O driver registers without its attributes: they are in the device's folder."""
    common(root)
    write(root, {"proc/diskstats": ""})
    chip = "platform/f71882fg.2560"
    hwmon(root, 0, chip, {"uevent": ""})
    attributes: dict[str, str | float] = {
        "name": "f71882fg",
        "temp1_input": 38000,
        "temp1_label": "board",
        "fan1_input": 1180,
        "in0_input": 3312,
        "pwm1": 255,
        "modalias": "platform:f71882fg",
        "pwm/uevent": "",
        "power/control": "auto",
    }
    write(root / "sys/devices" / chip, attributes)
    return root


def _zone(number: int, kind: str, temperature: int) -> dict[str, str | float]:
    zone = f"sys/class/thermal/thermal_zone{number}"
    return {f"{zone}/type": kind, f"{zone}/temp": temperature, f"{zone}/policy": "step_wise"}


def _cooling(number: int, kind: str, state: int, limit: int) -> dict[str, str | float]:
    device = f"sys/class/thermal/cooling_device{number}"
    return {f"{device}/type": kind, f"{device}/cur_state": state, f"{device}/max_state": limit}


def _frequencies(cpu: int, khz: int) -> dict[str, str | float]:
    folder = f"sys/devices/system/cpu/cpu{cpu}/cpufreq"
    return {f"{folder}/{name}": khz for name in ("scaling_cur_freq", "scaling_min_freq", "scaling_max_freq")}


# Every robot, by a name for tests.
ROBOTS: dict[str, robots.Builder] = {
    "pi4": robots.raspberry_pi,
    "pi5": raspberry_pi_5,
    "x86": robots.x86_robot,
    "jetson": jetson,
    "laptop": laptop_like,
    "industrial": industrial_pc,
    "imu": arm_with_imu,
    "wifi": usb_wifi,
    "amd": amd_graphics,
}
