"""Our series against node_exporter's on the same trees: same names, labels and values, but for docs/sensors.md.

The program comes from Debian's package by `testbed/node_exporter`, as `make unit` does; without it these tests fail.
"""

from __future__ import annotations

import re
import socket
import subprocess
import time
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from sensor_service.collectors import hwmon

from files.sensor_service.tests.conftest import HERE
from files.sensor_service.tests.field_robots import ROBOTS
from files.sensor_service.tests.service import Series, Service, series

COLLECTORS = ("cpu", "hwmon", "thermal_zone", "powersupplyclass", "cpufreq", "pressure", "meminfo", "loadavg", "vmstat")
NETWORK = ("diskstats", "netdev")
GRAPHICS = ("drm",)
# Ours that node_exporter does not have on these trees, or with another value: each has its row in docs/sensors.md.
OURS = {
    "alarm": re.compile(r"node_hwmon_(in_lcrit_alarm_volts|temp_crit_alarm_celsius)"),
    "chip": re.compile(r'node_hwmon_.*chip="platform_wmi_board_'),
    "loopback": re.compile(r'node_network_.*device="lo"'),
    "wifi": re.compile(r"node_wifi_"),
    "watchdog": re.compile(r"node_watchdog_"),
}
# Theirs of hardware monitors that are ours, too, where they have a value; but for a label that 1.5 gives to two chips.
SENSORS = {metric.name for metric, _ in hwmon.SENSORS.values()} | {hwmon.LABEL.name, hwmon.CHIP_NAME.name}
THEIRS = re.compile(r'.*chip="platform_wmi_board"')


def theirs(root: Path) -> Series:
    """What node_exporter tells of a tree."""
    program = HERE.parents[2] / ".testbed/cache/node_exporter/prometheus-node-exporter"
    assert program.exists(), "run testbed/node_exporter, as `make unit` does"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    flags = [f"--collector.{name}" for name in (*COLLECTORS, *NETWORK, *GRAPHICS)]
    paths = [f"--path.sysfs={root}/sys", f"--path.procfs={root}/proc", "--no-collector.netdev.netlink"]
    paths.append(f"--path.udev.data={root}/run/udev/data")  # not what this computer has of disks with the same numbers
    command = [str(program), f"--web.listen-address=127.0.0.1:{port}", "--collector.disable-defaults", *paths, *flags]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            try:
                with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
                    return series(answer.read().decode())
            except (URLError, ConnectionError):
                time.sleep(0.1)
        raise AssertionError("node_exporter does not answer")
    finally:
        process.kill()
        process.wait()


def completed(root: Path) -> Path:
    """Adds what node_exporter reads elsewhere or insists on, with the same content."""
    net = root / "proc/net"
    net.mkdir(parents=True)
    (root / "proc/stat").write_text("cpu  1 2 3 4 5 6 7 0 0 0\ncpu0 1 2 3 4 5 6 7 0 0 0\n")
    (net / "dev").write_text((root / "proc/1/net/dev").read_text())
    for zone in (root / "sys/class/thermal").glob("thermal_zone*"):
        (zone / "policy").write_text("step_wise\n")
    for folder in (root / "sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq"):
        for name in ("scaling_available_governors", "scaling_driver", "scaling_governor", "related_cpus"):
            (folder / name).write_text("x\n")
        (folder / "scaling_setspeed").write_text("<unsupported>\n")
    (root / "sys/class/power_supply").mkdir(parents=True, exist_ok=True)
    return root


@pytest.mark.parametrize("name", ROBOTS)
def test_what_both_tell_is_the_same(tmp_path: Path, name: str) -> None:
    root = completed(ROBOTS[name](tmp_path / "robot"))
    reference = theirs(root)
    service = Service(root)
    ours = series(service.get().body)
    service.stop()
    different = [
        f"{text} {value} theirs: {reference.get(text)}"
        for text, value in ours.items()
        if text.startswith("node_") and not any(pattern.match(text) for pattern in OURS.values())
        if reference.get(text) != pytest.approx(value, rel=1e-9)
    ]
    assert different == []
    expected = [text for text in reference if text.partition("{")[0] in SENSORS and not THEIRS.match(text)]
    assert [text for text in expected if text not in ours] == []
    assert len([text for text in ours if text in reference]) >= 40


def test_every_difference_has_its_row() -> None:
    page = (HERE.parents[2] / "docs/sensors.md").read_text(encoding="utf-8")
    for name in OURS:
        assert f"| {name} |" in page


# The other way round: what node_exporter tells of these trees and we do not, by its row in docs/sensors.md.
LEFT_OUT = {
    "itself": re.compile(r"node_exporter_build_info|node_scrape_collector_"),
    "CPU time": re.compile(r"node_cpu_(guest_)?seconds_total"),
    "partitions": re.compile(r'node_disk_\w+\{device="mmcblk\d+p\d+"'),
    "kinds of requests": re.compile(
        r"node_disk_((reads|writes)_merged|discard\w+|flush_requests\w*|io_time_weighted_seconds)_total{"
    ),
    "disks' names": re.compile(r"node_disk_info"),
    "kinds of errors": re.compile(
        r"node_network_(receive_(fifo|frame|compressed|multicast)|transmit_(fifo|colls|carrier|compressed))_total"
    ),
    "containers' cables": re.compile(r'node_network_\w+\{device="veth'),
    "page lists": re.compile(r"node_memory_((Active|Inactive|Active_anon)_bytes|HugePages_Total) "),
    "settings": re.compile(r"node_hwmon_pwm_enable"),
    "humidity": re.compile(r"node_hwmon_humidity"),
    "a supply's limits": re.compile(r"node_power_supply_(voltage_min|voltage_max|current_max)\{"),
    "graphics memory": re.compile(r"node_drm_(card_info|memory_)"),
    # and what the first table there explains
    "cold": re.compile(r"node_thermal_zone_temp\S* -2\d\d\."),
    "chip": re.compile(r'node_hwmon_\S*chip="platform_wmi_board"'),
}
EXPLAINED_BEFORE = {"cold", "chip"}


def reason(told: str) -> str:
    """The row that a series and its value belong to, "" where they have none."""
    return next((name for name, pattern in LEFT_OUT.items() if pattern.match(told)), "")


def left_out(root: Path) -> list[str]:
    """What node_exporter tells of a tree and we do not: series and value."""
    reference = theirs(root)
    service = Service(root)
    ours = series(service.get().body)
    service.stop()
    return [f"{text} {value}" for text, value in reference.items() if text.startswith("node_") and text not in ours]


@pytest.fixture(scope="module")
def untold(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    return {name: left_out(completed(build(tmp_path_factory.mktemp(name)))) for name, build in ROBOTS.items()}


@pytest.mark.parametrize("name", ROBOTS)
def test_what_only_node_exporter_tells_is_left_out_for_a_reason(untold: dict[str, list[str]], name: str) -> None:
    assert [told for told in untold[name] if not reason(told)] == []


def test_every_reason_is_in_the_table_of_what_is_left_out_and_no_other(untold: dict[str, list[str]]) -> None:
    page = (HERE.parents[2] / "docs/sensors.md").read_text(encoding="utf-8")
    table = page.partition("\n| left out | ")[2].partition("\n\n")[0].splitlines()[2:]
    rows = {cells[1].strip(): re.findall("`([^`]+)`", cells[2]) for cells in (row.split("|") for row in table)}
    assert set(rows) == LEFT_OUT.keys() - EXPLAINED_BEFORE
    assert all(len(row.split("|")[3].strip()) > 10 for row in table), "each says why"
    everything = [told for robot in untold.values() for told in robot]
    assert {reason(told) for told in everything} == set(LEFT_OUT), "none of them is an old one"
    for told in everything:
        globs = rows.get(reason(told), ["*"])
        assert any(fnmatchcase(told.partition(" ")[0].partition("{")[0], glob) for glob in globs), told
