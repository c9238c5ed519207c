"""What is added to an engine's settings, and to the environments of engine and containers, is what they read."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate import gate
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.declaration import Fault
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.report import report
from declarations import catalogue, robot

PUSH = {
    "robot_stack_telemetry_mode": "push",
    "vmagent_hub_url": "https://hub.example.org:8427",
    "vmagent_hub_password": "x",
}
ENVIRONMENTS = ["victoriametrics_environment_extra", "vmagent_environment_extra", "container_engine_environment_extra"]
DAEMON = "container_engine_daemon_extra"


def faults(variable: str, value: Any) -> list[Fault]:
    return gate.check(robot(**(PUSH if variable.startswith("vmagent") else {}), **{variable: value}), catalogue())


@pytest.mark.parametrize("variable", ENVIRONMENTS)
@pytest.mark.parametrize(
    "value", ["100M", "50MB", "100 MiB", "1.5GiB", "0x10", "-1", "64mib", "MiB", True, 52.5, "unlimited", "9PiB"]
)
def test_a_bound_of_the_heap_that_go_does_not_read_is_refused(variable: str, value: Any) -> None:
    """Seen: "fatal error: malformed GOMEMLIMIT" as the program starts, the engine's as well."""
    (found,) = faults(variable, {"GOMEMLIMIT": value})
    assert (found.variable, "GOMEMLIMIT" in found.value) == (variable, True)
    assert "ends as it starts" in found.why
    assert found.remedy.startswith("write bytes, or a number with B, KiB, MiB, GiB or TiB, such as 100MiB")


@pytest.mark.parametrize("variable", ENVIRONMENTS)
@pytest.mark.parametrize("value", ["fifty", "50%", "50.5", 50.0, "OFF", True, "0x32"])
def test_a_share_of_garbage_that_go_does_not_read_is_refused(variable: str, value: Any) -> None:
    (found,) = faults(variable, {"GOGC": value})
    assert "100 would count, unsaid" in found.why


@pytest.mark.parametrize("variable", ENVIRONMENTS)
@pytest.mark.parametrize(
    "environment",
    [
        {"GOMEMLIMIT": "off"},
        {"GOMEMLIMIT": ""},
        {"GOMEMLIMIT": "33MiB", "GOGC": "off"},
        {"GOMEMLIMIT": "104857600B"},
        {"GOMEMLIMIT": 104857600, "GOGC": 50},
        {"GOMEMLIMIT": "1TiB", "GOGC": ""},
        {"GOGC": "-1"},
    ],
    ids=str,
)
def test_what_go_reads_is_taken(variable: str, environment: dict[str, Any]) -> None:
    assert faults(variable, environment) == []


def test_a_program_that_is_not_in_go_has_no_such_words() -> None:
    assert faults("sensor_service_environment_extra", {"GOMEMLIMIT": "50M"}) == []


@pytest.mark.parametrize(
    "settings",
    [
        {"live-restore": "yes"},
        {"debug": 1},
        {"userland-proxy": "false"},
        {"no-new-privileges": ["true"]},
        {"log-level": "verbose"},
        {"log-level": ["info"]},
        {"log-opts": {"max-file": 3}},
        {"log-opts": "max-file=3"},
        {"mtu": "1400"},
        {"max-concurrent-downloads": True},
        {"registry-mirrors": "https://me:hunter2@mirror.example.org"},
        {"log-opts": {"splunk-token": ["hunter2"]}},
        {"insecure-registries": [5000]},
        {"dns": "10.0.0.1"},
        {"log-driver": 5},
        {"runtimes": []},
        {"metrics-addr": "0.0.0.0:9323"},
        {"metrics-addr": ":9323"},
        {"metrics-addr": "[::]:9323"},
        {"metrics-addr": 9323},
    ],
    ids=str,
)
def test_a_setting_with_which_no_engine_starts_or_that_opens_it_is_refused(settings: dict[str, Any]) -> None:
    (found,) = faults(DAEMON, settings)
    assert (found.variable, next(iter(settings)) in found.value) == (DAEMON, True)
    assert found.remedy
    assert "hunter2" not in report([found], 1)


def test_the_engines_own_figures_are_for_the_robot_alone() -> None:
    (found,) = faults(DAEMON, {"metrics-addr": "0.0.0.0:9323"})
    assert found.why == "the setting metrics-addr would open a second listener, without a password"
    assert found.remedy == "write an address on 127.0.0.1"


@pytest.mark.parametrize(
    "settings",
    [
        {"live-restore": False, "debug": True},
        {"log-level": "warn"},
        {"log-opts": {"max-file": "3"}},
        {"mtu": 1400, "registry-mirrors": ["https://mirror.example.org"]},
        {"dns": ["10.0.0.1"], "insecure-registries": None},
        {"metrics-addr": "127.0.0.1:9323"},
        {"data-root": "/data/docker", "storage-driver": "overlay2"},
        {"runtimes": {"nvidia": {"path": "nvidia-container-runtime", "args": []}}},
        {"features": {"containerd-snapshotter": False}},
        {"of-a-later-engine": {"any": ["thing"]}},
    ],
    ids=str,
)
def test_a_setting_that_works_or_that_is_not_known_is_taken(settings: dict[str, Any]) -> None:
    assert faults(DAEMON, settings) == []
