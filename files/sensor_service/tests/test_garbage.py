"""Rubbish where the kernel should speak: collectors fail in an orderly way, and never take the scrape along."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from sensor_service import exposition, files
from sensor_service.catalogue import COLLECTORS
from sensor_service.cgroups import facts_v1, facts_v2
from sensor_service.collectors import pressure
from sensor_service.metric import gauge
from sensor_service.output import MAX_FAULTS, Output
from sensor_service.request import NEVER
from sensor_service.robot import Robot
from sensor_service.runner import Runner

from files.sensor_service.tests.service import Service, series
from files.sensor_service.tests.trees import write

# Characters that the kernel's files are made of make rubbish that gets further than random bytes do.
LIKELY = st.text(alphabet='0123456789 .:-+=eEkB\n\tabcxyz/_\\"', max_size=120).map(str.encode)
RUBBISH = st.one_of(st.binary(max_size=200), LIKELY)
SAME_TREE = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def one_round(root: Path, name: str) -> tuple[str, str]:
    """Returns the page and the error of one collector after a real round."""
    rung: list[bool] = []
    runner = Runner(
        Robot(str(root / "proc"), str(root / "sys"), textfiles=str(root / "text")),
        {name: COLLECTORS[name]},
        10.0,
        lambda: rung.append(True),
    )
    runner.start(NEVER)
    while (results := runner.finish()) is None:
        os.sched_yield()
    page = exposition.render(results[0].families.values(), False).decode()
    return page, results[0].error


FILES = {
    "load": ["proc/loadavg"],
    "memory": ["proc/meminfo"],
    "vmstat": ["proc/vmstat"],
    "pressure": ["proc/pressure/cpu", "proc/pressure/memory"],
    "disk": ["proc/diskstats"],
    "network": ["proc/1/net/dev"],
    "wifi": ["proc/1/net/wireless"],
    "thermal": ["sys/class/thermal/thermal_zone0/temp", "sys/class/thermal/thermal_zone0/type"],
    "hwmon": ["sys/class/hwmon/hwmon9/in0_input", "sys/class/hwmon/hwmon9/in0_label", "sys/class/hwmon/hwmon9/name"],
    "power_supply": ["sys/class/power_supply/BAT0/capacity", "sys/class/power_supply/BAT0/model_name"],
    "iio": ["sys/bus/iio/devices/iio:device0/in_temp_raw", "sys/bus/iio/devices/iio:device0/in_temp_scale"],
    "cpufreq": ["sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq"],
    "filesystem": ["proc/1/mounts"],
    "accelerator": [
        "sys/class/drm/card0/device/gpu_busy_percent",
        "sys/class/drm/card0/device/gpu_stats",
        "sys/class/devfreq/x/load",
    ],
    "raspberry_pi": [
        "sys/devices/platform/soc/soc:firmware/get_throttled",
        "sys/firmware/devicetree/base/chosen/power/max_current",
        "sys/firmware/devicetree/base/chosen/power/usb_max_current_enable",
    ],
    "rtc": ["sys/class/rtc/rtc0/since_epoch", "sys/class/rtc/rtc0/name"],
    "watchdog": ["sys/class/watchdog/watchdog0/timeleft", "sys/class/watchdog/watchdog0/identity"],
    "wear": ["sys/bus/mmc/devices/mmc0:0001/life_time", "sys/bus/mmc/devices/mmc0:0001/pre_eol_info"],
    "textfile": ["text/x.prom"],
    "cgroup": [
        "sys/fs/cgroup/robotstack.slice/robotstack-a.slice/x.scope/memory.current",
        "sys/fs/cgroup/robotstack.slice/robotstack-a.slice/x.scope/memory.stat",
        "sys/fs/cgroup/robotstack.slice/robotstack-a.slice/memory.events",
        "sys/fs/cgroup/robotstack.slice/memory.pressure",
    ],
}


def test_every_collector_that_reads_files_is_fed_rubbish() -> None:
    assert set(FILES) == set(COLLECTORS) - {"simulated"}


@pytest.mark.parametrize("name", FILES)
@SAME_TREE
@given(data=st.data())
def test_rubbish_in_a_file_gives_a_valid_page_and_never_stops_the_round(
    tmp_path: Path, name: str, data: st.DataObject
) -> None:
    write(tmp_path, {"sys/fs/cgroup/cgroup.controllers": "memory", "sys/block/x/size": 1})
    for file in FILES[name]:
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.draw(RUBBISH))
    page, _ = one_round(tmp_path, name)
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            assert sample.value - sample.value == 0, sample  # rubbish never becomes an infinity


@given(RUBBISH)
def test_an_integer_is_read_or_refused(raw: bytes) -> None:
    try:
        value = files.parse_integer(raw)
    except ValueError:
        return
    assert int(raw) == value
    assert abs(value) < 10**24


@given(RUBBISH)
def test_a_number_is_finite_or_refused(raw: bytes) -> None:
    try:
        value = files.parse_float(raw)
    except ValueError:
        return
    assert value - value == 0


@given(st.text())
def test_pressure_text_is_read_or_refused(text: str) -> None:
    try:
        totals = pressure.totals(text)
    except ValueError:
        return
    assert all(isinstance(value, float) for value in totals.values())


@given(st.text(max_size=300))
@SAME_TREE
def test_any_cgroup_file_is_read_or_told_as_a_fault(tmp_path: Path, text: str) -> None:
    for name in ("memory.stat", "memory.events", "memory.pressure", "memory.current", "memory.max"):
        (tmp_path / name).write_bytes(text.encode("utf-8", "replace"))
    told: list[str] = []
    for read in (facts_v1, facts_v2):
        found = read(str(tmp_path), lambda path, error: told.append(f"{path} {error}"))
        assert all(value - value == 0 for value in found.values())


def test_one_broken_sensor_fails_its_collector_but_hides_no_other_sensor(raspberry_pi: Path) -> None:
    (raspberry_pi / "sys/class/thermal/thermal_zone1").mkdir()
    (raspberry_pi / "sys/class/thermal/thermal_zone1/temp").write_text("hot\n")
    page, error = one_round(raspberry_pi, "thermal")
    assert 'node_thermal_zone_temp{zone="0",type="cpu-thermal"}' in series(page)
    assert "thermal_zone1/temp: invalid literal" in error


def test_an_unreadable_sensor_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "sys/class/thermal/thermal_zone0/temp").mkdir(parents=True)  # reading it gives EISDIR, as EIO would
    assert one_round(tmp_path, "thermal")[1].endswith("temp: Is a directory")


@pytest.mark.parametrize("code", [errno.ENETDOWN, errno.ESHUTDOWN, errno.EPERM])
def test_a_wifi_card_that_is_off_and_a_graphics_card_that_sleeps_fail_nothing(
    monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refuse(*_: object) -> bytes:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "read", refuse)
    out = Output()
    assert out.integer("/dev/null") is None
    assert out.faults == []


def test_a_right_that_is_missing_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> int:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM), "/dev/null")

    monkeypatch.setattr(os, "open", refuse)
    out = Output()
    assert out.integer("/dev/null") is None
    assert out.faults == ["/dev/null: Operation not permitted"]


@pytest.mark.parametrize("code", [errno.ENODEV, errno.ENXIO, errno.ENODATA, errno.EOPNOTSUPP, errno.EINVAL])
def test_a_driver_that_has_no_value_now_is_absent_hardware(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def refuse(*_: object) -> bytes:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "read", refuse)
    assert files.integer("/dev/null") is None
    assert files.optional_table("/dev/null") is None


def test_a_sensor_that_answers_with_an_error_of_its_bus_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "read", refuse)
    out = Output()
    out.read(gauge("x", ""), "/dev/null")
    assert out.faults == ["/dev/null: Input/output error"]
    assert out.families == {}


def test_a_table_without_end_is_refused() -> None:
    with pytest.raises(ValueError, match="longer than"):
        files.table("/dev/zero")


def test_faults_are_remembered_only_so_far() -> None:
    out = Output()
    for _ in range(100):
        out.fault("x", "y" * 1000)
    assert len(out.faults) == MAX_FAULTS
    assert sum(map(len, out.faults)) < 2000


def test_files_are_not_left_open(raspberry_pi: Path) -> None:
    service = Service(raspberry_pi)
    service.get()
    descriptors = Path("/proc/self/fd")
    before = len(list(descriptors.iterdir()))
    for _ in range(5):
        service.get()
    assert len(list(descriptors.iterdir())) <= before + 2
    service.stop()
