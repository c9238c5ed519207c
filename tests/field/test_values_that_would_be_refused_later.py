"""What only a robot, its engine or a program's own parser would refuse is refused by the inventory gate (row A15)."""

from __future__ import annotations

import ast
import re
from typing import Any

import pytest
import rendering
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.ask import history
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate import (
    bounds,
    forms,
    gate,
    program_flags,
    programs,
)
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.declaration import Fault
from declarations import PROJECT, catalogue, defaults, robot

from tools import program_flags as tool

PUSH = {
    "robot_stack_telemetry_mode": "push",
    "vmagent_hub_url": "https://hub:8427",
    "vmagent_hub_password": "secret",
    "vmagent_hub_ca": "",
}
HUB_SERVICES = ("telemetry_hub_victoriametrics", "telemetry_hub_vmauth", "telemetry_hub_vmalert")
HUB: dict[str, Any] = {"robot_stack_services": list(HUB_SERVICES), "robot_stack_memory_budget_mib": 1000}
FLAGS = "victoriametrics_flags_extra"


def faults(**written: Any) -> list[Fault]:
    found = gate.check(robot(**written), catalogue())
    for one in found:
        assert one.robot == "scout"
        assert one.why
        assert one.remedy
    return found


def refused(variable: str, value: Any, **more: Any) -> Fault:
    found = [one for one in faults(**{**more, variable: value}) if one.variable == variable]
    assert found, f"{variable}: {value!r} passes"
    return found[0]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("victoriametrics_cpu_limit", float("nan")),
        ("victoriametrics_cpu_limit", float("inf")),
        ("victoriametrics_cpu_limit", 1e20),
        ("sensor_service_cpu_limit", 0.0001),
        ("victoriametrics_pids_limit", float("inf")),
        ("victoriametrics_pids_limit", 10**20),
        ("victoriametrics_pids_limit", 1),
        ("victoriametrics_scrape_interval", "0s"),
        ("victoriametrics_flush_interval", "10ms"),
        ("victoriametrics_scrape_interval", "9" * 400 + "h"),
        ("victoriametrics_retention", "0d"),
        ("victoriametrics_retention", "23h"),
        ("victoriametrics_retention", "101y"),
        ("sensor_service_collectors", ["nosuch"]),
        ("sensor_service_collectors", ["Memory"]),
        ("sensor_service_collector_deadline_seconds", 61),
        ("robot_stack_root", "/"),
        ("robot_stack_root", "//"),
        ("robot_stack_root", "/."),
        ("robot_stack_root", "/etc/robot-stack"),
        ("robot_stack_root", "/tmp/stack"),
        ("robot_stack_root", "/var/lib"),
        ("robot_stack_root", "/data/../etc"),
        ("robot_stack_watchdog_interval_seconds", 3),
        ("robot_stack_watchdog_interval_seconds", 241),  # no look would see thrashing
        ("robot_stack_history_points", 5),
        ("sensor_service_memory_limit_mib", 5),
        ("robot_stack_memory_budget_mib", 2**60),
        ("victoriametrics_image", "UPPER/case"),
        ("victoriametrics_image", "victoriametrics/victoria-metrics:v1"),
        ("victoriametrics_image", "a" * 300),
        ("sensor_service_image", "robot stack/sensor"),
        ("robot_stack_registry", "https://registry.example.org"),
        ("robot_stack_registry", "registry.example.org/Fleet"),
        ("victoriametrics_listen_address", "127.0.0.1:0"),
        ("victoriametrics_listen_address", "127.0.0.1:65536"),
        ("victoriametrics_listen_address", "127.0.0.256:8428"),
        ("victoriametrics_listen_address", "[::g]:8428"),
        ("victoriametrics_listen_address", "127.0.0.1:9101"),
        ("sensor_service_textfile_directory", "run/metrics"),
        ("sensor_service_filesystems", ["/data/.."]),
        ("container_engine_packages", ["docker.io", "-oDebug=1"]),
        ("container_engine_packages", ["Docker"]),
        ("victoriametrics_http_username", "me:you"),
        ("victoriametrics_http_username", "me\nyou"),
        ("robot_stack_images_directory", "images\x00"),
    ],
)
def test_a_value_that_the_robot_would_refuse_is_refused_before(variable: str, value: Any) -> None:
    assert refused(variable, value).why != "it cannot be worked out"


def test_what_is_refused_for_its_size_names_the_bound_that_works() -> None:
    option = catalogue().options["robot_stack_watchdog_interval_seconds"]
    assert refused(option.name, 3).remedy == "write a number of at least 5"
    assert faults(robot_stack_watchdog_interval_seconds=5) == []
    assert faults(robot_stack_watchdog_interval_seconds=240) == []
    assert faults(robot_stack_history_hours=history.MOST_HOURS) == []
    assert refused("robot_stack_history_hours", history.MOST_HOURS + 1).remedy == "write a number of at most 8784"
    assert refused("victoriametrics_retention", "23h").remedy == "write 1d or more"
    assert faults(victoriametrics_retention="24h") == []
    assert refused("victoriametrics_cpu_limit", 0.0001).remedy == "write a number of at least 0.01"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("robot_stack_root", "/data"),
        ("robot_stack_root", "/opt/robot-stack/"),
        ("victoriametrics_image", "registry:5000/a/b_c"),
        ("robot_stack_registry", "localhost:5000/fleet"),
        ("robot_stack_registry", "registry.example.org"),
        ("victoriametrics_external_labels", {"hall": 3, "site": 'hall "3"'}),
        ("container_engine_daemon_extra", {"insecure-registries": ["registry:5000"], "debug": None}),
        ("container_engine_environment_extra", {"HTTP_PROXY": "http://user:p%40ss@proxy:3128", "GOGC": None}),
        ("victoriametrics_environment_extra", {"GOMEMLIMIT": "off"}),
        ("victoriametrics_listen_address", "[::1]:8428"),
        ("sensor_service_collectors", ["memory", "textfile"]),
    ],
)
def test_a_value_that_works_is_taken(variable: str, value: Any) -> None:
    assert faults(**{variable: value}) == []
    if variable == "victoriametrics_listen_address":  # with which the program ends unless it has this flag as well
        assert "-enableTCP6=true" in rendering.value("victoriametrics_spec.command", **{variable: value})


@pytest.mark.parametrize(
    "labels",
    [
        {"robot": "other"},
        {"__name__": "x"},
        {"hall-3": "x"},
        {"": "x"},
        {7: "x"},
        {"hall": ["3"]},
        {"hall": None},
        {"hall": "a\nb"},
    ],
)
@pytest.mark.parametrize("mode", ["local", "push"])
def test_a_label_that_is_none_or_the_inventorys_own_is_refused(labels: dict[Any, Any], mode: str) -> None:
    reader = {"local": "victoriametrics", "push": "vmagent"}[mode]
    refused(f"{reader}_external_labels", labels, **(PUSH if mode == "push" else {}))


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("victoriametrics_scrape_targets", {"sensor_service": ["127.0.0.1:9101"], "victoriametrics": ["127.0.0.1:1"]}),
        ("victoriametrics_scrape_targets", {"sensor_service": ["127.0.0.1:9101"], "lidar": "127.0.0.1:9200"}),
        ("victoriametrics_scrape_targets", {"sensor_service": ["127.0.0.1:9101"], "lidar": ["http://lidar:1/metrics"]}),
        ("victoriametrics_scrape_targets", {"sensor_service": ["127.0.0.1:9101"], "lidar": ["127.0.0.1:99999"]}),
        ("victoriametrics_scrape_configs_extra", [{"static_configs": []}]),
        ("victoriametrics_scrape_configs_extra", [{"job_name": "sensor_service"}]),
        ("victoriametrics_scrape_configs_extra", [{"job_name": "a"}, {"job_name": "a"}]),
        ("victoriametrics_scrape_configs_extra", [{"job_name": "a", "scrape_intervall": "5s"}]),
        ("victoriametrics_scrape_configs_extra", [{"job_name": "a", "static_configs": [{"target": ["a:1"]}]}]),
    ],
)
def test_a_target_with_which_nothing_would_be_read_is_refused(variable: str, value: Any) -> None:
    refused(variable, value)


SPELLINGS = [
    "httpListenAddr",
    "-httpListenAddr",
    "--httpListenAddr",
    " httpListenAddr",
    "httplistenaddr",
    "HTTPLISTENADDR",
]


@pytest.mark.parametrize("name", [*SPELLINGS, "httpListenAddr=0.0.0.0:8428", "x -httpListenAddr"])
def test_no_spelling_of_a_flag_opens_the_database(name: str) -> None:
    """Seen: with {httpListenAddr: ...} in its flags a robot listened everywhere, without a password."""
    refused(FLAGS, {name: "0.0.0.0:8428"})


@pytest.mark.parametrize(
    "flags",
    [
        {"httpListenAddr": None},
        {"httpListenAddr": ["127.0.0.1:8428", "0.0.0.0:8429"]},
        {"graphiteListenAddr": "0.0.0.0:2003"},
        {"opentsdbHTTPListenAddr": ":4242"},
        {"influxListenAddr": "[::]:8089"},
        {"vmselectAddr": ":8401"},
        {"tls": True},
        {"http.pathPrefix": "/db"},
        {"http.disableCORS": False},
        {"deleteAuthKey": None},
        {"deleteAuthKey": ""},
        {"metricsAuthKey": "hunter2"},
        {"httpAuth.password": "hunter2"},
        {"envflag.enable": True},
        {"dryRun": True},
        {"version": True},
        {"memory.allowedBytes": "1GB"},
        {"memory.allowedPercent": 90},
        {"retentionPeriod": "100y"},
        {"storageDataPath": "/tmp"},
        {"promscrape.config": None},
        {"no.such.flag": "1"},
        {"search.maxConcurentRequests": 2},
        {"search.maxConcurrentRequests": "many"},
        {"search.maxConcurrentRequests": [1, 2]},
        {"search.maxQueryDuration": "10"},
        {"search.maxQueryDuration": {"s": 10}},
        {"maxInsertRequestSize": "1 MB"},
        {"promscrape.noStaleMarkers": "maybe"},
        {"loggerLevel": "info"},
        {"pushmetrics.header": "Authorization: Bearer abc"},
        {"loggerTimezone": "a\nb"},
        {7: "x"},
    ],
    ids=str,
)
def test_further_flags_undo_nothing_that_the_gate_holds_and_are_flags(flags: dict[Any, Any]) -> None:
    refused(FLAGS, flags)


@pytest.mark.parametrize(
    "flags",
    [
        {"loggerLevel": "WARN"},
        {"search.maxQueryDuration": "1m30s"},
        {"search.maxConcurrentRequests": 2},
        {"graphiteListenAddr": "127.0.0.1:2003"},
        {"fs.disableMmap": True},
        {"storage.maxHourlySeries": None},
        {"maxInsertRequestSize": "1MiB"},
        {"metricsAuthKey": "file:///proc/sys/kernel/random/uuid"},
        {"storage.minFreeDiskSpaceBytes": 1e12},
    ],
    ids=str,
)
def test_further_flags_that_are_harmless_are_taken(flags: dict[str, Any]) -> None:
    assert faults(**{FLAGS: flags}) == []


@pytest.mark.parametrize(
    "flags",
    [
        {"remoteWrite.url": "http://elsewhere/"},
        {"remoteWrite.tlsInsecureSkipVerify": True},
        {"remoteWrite.tmpDataPath": "/tmp"},
        {"remoteWrite.label": "robot=other"},
        {"remoteWrite.basicAuth.password": "hunter2"},
        {"remoteWrite.bearerToken": "hunter2"},
        {"httpListenAddr": "0.0.0.0:8429"},
        {"opentsdbListenAddr": ":4242"},
    ],
    ids=str,
)
def test_further_flags_of_the_agent_send_nothing_elsewhere(flags: dict[str, Any]) -> None:
    refused("vmagent_flags_extra", flags, **PUSH)


@pytest.mark.parametrize(
    ("service", "flags"),
    [
        ("victoriametrics", {"httpListenAddr": "0.0.0.0:8428"}),
        ("victoriametrics", {"httpAuth.username": None}),
        ("vmauth", {"tls": [False, False]}),
        ("vmauth", {"tlsMinVersion": "TLS10"}),
        ("vmauth", {"auth.config": "/dev/null"}),
        ("vmauth", {"httpInternalListenAddr": ":8425"}),
        ("vmalert", {"notifier.blackhole": True}),
        ("vmalert", {"httpListenAddr": ":8880"}),
    ],
    ids=str,
)
def test_further_flags_of_the_hub_open_no_second_entry(service: str, flags: dict[str, Any]) -> None:
    refused(f"telemetry_hub_{service}_flags_extra", flags, **HUB)


def test_a_secret_among_the_flags_is_not_shown() -> None:
    assert "hunter2" not in str(refused(FLAGS, {"httpAuth.password": "hunter2"}))


def test_of_another_version_no_flag_is_called_unknown() -> None:
    assert faults(**{FLAGS: {"brandNew.flag": 1}, "victoriametrics_version": "v9.0.0"}) == []
    refused(FLAGS, {"httpListenAddr": ":8428"}, victoriametrics_version="v9.0.0")


@pytest.mark.parametrize("service", sorted(programs.PROGRAMS))
def test_the_flags_are_those_of_the_roles_versions_and_what_is_held_exists(service: str) -> None:
    program, known = programs.PROGRAMS[service], program_flags.known(service)
    assert program_flags.versions()[service] == catalogue().options[program.version].default, tool.__doc__
    small = {name.lower() for name in known}
    assert set(program.variables) <= small
    assert set(program.variables.values()) <= set(catalogue().options)
    if service == "telemetry_hub_victoriametrics":  # as a former storage it has the version of robots' databases
        small |= {name.lower() for name in program_flags.known("victoriametrics")}
    for pattern in program.held:
        assert [name for name in small if re.fullmatch(pattern, name)], pattern


def test_help_is_read_as_flags_and_kinds() -> None:
    text = "Usage\n  -retries int\n    \tHow often, see -tls\n  -tls\n    \tWhether\n  -addr value\n"
    assert tool.flags(text) == {"retries": "int", "tls": "bool", "addr": "value"}


@pytest.mark.parametrize(
    "settings",
    [
        {"hosts": ["tcp://0.0.0.0:2375"]},
        {"HOSTS": ["tcp://0.0.0.0:2375"]},
        {"exec-opts": None},
        {"cgroup-parent": "elsewhere.slice"},
        {"live_restore": False},
        {7: 1},
    ],
    ids=str,
)
def test_further_settings_leave_the_engine_below_the_ceiling_and_closed(settings: dict[Any, Any]) -> None:
    refused("container_engine_daemon_extra", settings)


@pytest.mark.parametrize(
    ("variable", "environment"),
    [
        ("sensor_service_environment_extra", {"SENSOR_SERVICE_LISTEN_ADDRESS": "0.0.0.0:9101"}),
        ("sensor_service_environment_extra", {"SENSOR_SERVICE_NO_SUCH": "1"}),
        ("victoriametrics_environment_extra", {"A=B": "1"}),
        ("victoriametrics_environment_extra", {"A": ["1"]}),
        ("victoriametrics_environment_extra", {"A": "1\nB=2"}),
        ("container_engine_environment_extra", {"A": 'x"\nExecStartPre=/bin/true'}),
        ("container_engine_environment_extra", {"A B": "1"}),
    ],
    ids=str,
)
def test_further_environments_are_variables_and_undo_nothing(variable: str, environment: dict[str, Any]) -> None:
    refused(variable, environment)


@pytest.mark.parametrize("digest", ["latest", "sha256:abc", "sha256:" + "A" * 64, 7])
def test_what_is_no_digest_is_refused(digest: Any) -> None:
    refused("robot_stack_image_digests", {"victoriametrics/victoria-metrics:v1.148.8": digest})


@pytest.mark.parametrize("text", ["/etc/ssl/hub.pem", "-----BEGIN PRIVATE KEY-----"])
def test_a_file_that_is_no_certificate_is_refused(text: str) -> None:
    refused("vmagent_hub_ca", text, **{key: value for key, value in PUSH.items() if key != "vmagent_hub_ca"})


def test_the_gate_knows_the_sensor_services_collectors() -> None:
    source = PROJECT / "files/sensor_service/src/sensor_service/catalogue.py"
    (table,) = [
        node.value
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8")))
        if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Dict)
    ]
    names = [key.value for key in table.keys if isinstance(key, ast.Constant)]
    assert list(catalogue().options["sensor_service_collectors"].choices) == names


def test_every_number_and_duration_of_ours_has_bounds_that_its_default_keeps() -> None:
    for option in catalogue().options.values():
        if option.type in ("int", "float"):
            assert bounds.number(option.name, defaults()[option.name]) is None
            assert bounds.number(option.name, defaults(podman=True)[option.name]) is None
        if forms.of(option) in (forms.DURATION, forms.PERIOD):
            assert bounds.of_duration(option.name)
            assert bounds.duration(option.name, option.default) is None
