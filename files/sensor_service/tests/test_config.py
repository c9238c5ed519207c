"""Settings: defaults, everything that can be set, and every way to set it wrong."""

from __future__ import annotations

import re

import pytest
import yaml
from sensor_service import VERSION, config
from sensor_service.catalogue import COLLECTORS
from sensor_service.config import ConfigurationError, Settings
from sensor_service.listen import listen, parse_address

from files.sensor_service.tests.conftest import HERE


def test_defaults_run_every_collector_but_the_simulated_one() -> None:
    settings = Settings({"PATH": "/bin"})
    assert settings.address == ("127.0.0.1", 9101)
    assert (settings.proc, settings.sys, settings.slice_name) == ("/host/proc", "/host/sys", "robotstack.slice")
    assert settings.collectors == [name for name in COLLECTORS if name != "simulated"]
    assert settings.filesystems == {}
    assert settings.deadline == 2.0
    assert settings.unknown == []


def test_empty_variables_count_as_unset() -> None:
    names = re.findall(r"^\| (SENSOR_SERVICE_\w+) \|", config.__doc__ or "", re.MULTILINE)
    assert len(names) == 9
    assert Settings(dict.fromkeys(names, "")).address == ("127.0.0.1", 9101)
    assert Settings(dict.fromkeys(names, "")).unknown == []


def test_everything_can_be_set() -> None:
    settings = Settings(
        {
            "SENSOR_SERVICE_LISTEN_ADDRESS": "[::1]:80",
            "SENSOR_SERVICE_PROC_ROOT": "/p",
            "SENSOR_SERVICE_SYS_ROOT": "/s",
            "SENSOR_SERVICE_FILESYSTEMS": "/=/host/fs/0, /data=x=/host/fs/1",
            "SENSOR_SERVICE_COLLECTORS": "thermal, load",
            "SENSOR_SERVICE_SIMULATED": "True",
            "SENSOR_SERVICE_COLLECTOR_DEADLINE_SECONDS": "0.5",
            "SENSOR_SERVICE_SLICE": "lab.slice",
        }
    )
    assert settings.address == ("::1", 80)
    assert (settings.proc, settings.sys, settings.slice_name) == ("/p", "/s", "lab.slice")
    assert settings.filesystems == {"/": "/host/fs/0", "/data=x": "/host/fs/1"}
    assert settings.collectors == ["load", "thermal", "simulated"]
    assert settings.deadline == 0.5


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LISTEN_ADDRESS", "9101"),
        ("LISTEN_ADDRESS", "localhost:9101"),
        ("LISTEN_ADDRESS", "127.0.0.1:70000"),
        ("LISTEN_ADDRESS", "127.0.0.1:-1"),
        ("LISTEN_ADDRESS", "::1:9101"),
        ("FILESYSTEMS", "/data"),
        ("FILESYSTEMS", "data=/host/fs/0"),
        ("COLLECTORS", "thermal,warp_drive"),
        ("SIMULATED", "perhaps"),
        ("COLLECTOR_DEADLINE_SECONDS", "0"),
        ("COLLECTOR_DEADLINE_SECONDS", "nan"),
        ("COLLECTOR_DEADLINE_SECONDS", "1e9"),
        ("COLLECTOR_DEADLINE_SECONDS", "soon"),
        ("SLICE", "robotstack"),
        ("SLICE", "../x.slice"),
    ],
)
def test_a_wrong_setting_is_refused_by_its_name(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^SENSOR_SERVICE_{name}: "):
        Settings({f"SENSOR_SERVICE_{name}": value})


def test_all_wrong_settings_are_told_at_once() -> None:
    with pytest.raises(ConfigurationError) as refused:
        Settings({"SENSOR_SERVICE_SIMULATED": "x", "SENSOR_SERVICE_SLICE": "x", "SENSOR_SERVICE_LISTEN_ADDRESS": "x"})
    assert len(str(refused.value).splitlines()) == 3


def test_a_mistyped_variable_is_noticed() -> None:
    assert Settings({"SENSOR_SERVICE_SIMULATE": "true"}).unknown == ["SENSOR_SERVICE_SIMULATE"]


def test_the_service_can_listen_on_ipv6_and_on_every_address() -> None:
    for text in ("[::1]:0", ":0"):
        try:
            listener = listen(parse_address(text))
        except OSError as error:
            pytest.skip(f"{text}: {error}")  # a machine without IPv6
        assert listener.getsockname()[1] > 0
        listener.close()


def test_a_port_in_use_is_an_error_not_a_second_listener() -> None:
    first = listen(("127.0.0.1", 0))
    with pytest.raises(OSError, match="in use"):
        listen(first.getsockname())
    first.close()


def test_one_version_everywhere() -> None:
    dockerfile = (HERE.parent / "Dockerfile").read_text(encoding="utf-8")
    assert f'image.version="{VERSION}"' in dockerfile
    defaults = yaml.safe_load((HERE.parents[2] / "roles/sensor_service/defaults/main.yml").read_text(encoding="utf-8"))
    assert defaults["sensor_service_version"] == VERSION
