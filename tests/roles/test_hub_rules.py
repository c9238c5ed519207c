"""Each alert of the hub fires for what it is about, names the robot, and is quiet otherwise."""

from __future__ import annotations

import json
import re
import subprocess
import time
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.template import trust_as_template
from ansible_collections.robotfleet.stack.plugins.filter.hub_cluster import cluster
from ansible_collections.robotfleet.stack.plugins.plugin_utils.services.files import rendered
from declarations import PROJECT
from rendering import templar, value

PROMTOOL = PROJECT / ".testbed/cache/promtool/promtool"
TEMPLATE = PROJECT / "roles/telemetry_hub/templates/fleet_rules.yml.j2"
BUDGET_RULES = PROJECT / "roles/robot_stack/files/rules/memory_budget.yml"

# name, series with their values (one a minute), minute, labels of the alerts that then fire: all of them, no others
SCOUT = 'robot="scout"'
KNOWN = (f'vmauth_user_requests_total{{hub="h",username="{user}"}}' for user in ("scout", "cart", "reader"))
HEARD = {**dict.fromkeys(KNOWN, "0+1x30"), 'up{robot="cart",job="a"}': "1x30"}
SERVICE = f'{SCOUT},service="s"'
OF_HUB = 'database="d",hub="h"'
CASES: list[tuple[str, dict[str, str], int, list[str]]] = [
    (
        "a robot that stops is silent",
        {**HEARD, f"up{{{SCOUT}}}": "1x10 _x20"},
        20,
        [f'alertname="RobotSilent",{SCOUT},severity="critical"'],
    ),
    ("a robot that stopped a moment ago is not", {**HEARD, f"up{{{SCOUT}}}": "1x10 _x20"}, 13, []),
    ("a robot that was never heard of is silent", HEARD, 20, [f'alertname="RobotSilent",{SCOUT},severity="critical"']),
    (
        "a robot that is shut out, which does not count as silent",
        {**HEARD, 'robot_stack_series_shut_out{hub="h",username="scout"}': "0x8 1x30"},
        10,
        [f'alertname="RobotShutOut",{SCOUT},severity="critical"'],
    ),
    (
        "a robot that says of another, or of itself, that it is shut out",
        {
            'up{robot="scout"}': "1x30",
            'up{robot="cart"}': "1x30",
            'robot_stack_series_shut_out{hub="h",username="cart",robot="scout"}': "1x30",
        },
        10,
        [],
    ),
    (
        "a backlog that grows",
        {f'vmagent_remotewrite_pending_data_bytes{{{SCOUT},url="1"}}': "2000000+1000x30"},
        20,
        [f'alertname="RobotBacklogGrowing",{SCOUT},url="1",severity="warning"'],
    ),
    ("a backlog that shrinks", {f"vmagent_remotewrite_pending_data_bytes{{{SCOUT}}}": "9000000-1000x30"}, 20, []),
    ("a small backlog", {f"vmagent_remotewrite_pending_data_bytes{{{SCOUT}}}": "0+1000x30"}, 20, []),
    (
        "dropped blocks, told hours later",
        {f"vm_persistentqueue_bytes_dropped_total{{{SCOUT}}}": "0x10 500x290"},
        300,
        [f'alertname="RobotDropsSamples",{SCOUT},severity="critical"'],
    ),
    ("nothing dropped", {f"vm_persistentqueue_bytes_dropped_total{{{SCOUT}}}": "500x300"}, 300, []),
    (
        "a tight service",
        {
            f"robot_stack_service_memory_unreclaimable_bytes{{{SERVICE}}}": "80x30",
            f"robot_stack_service_memory_limit_declared_bytes{{{SERVICE}}}": "100x30",
        },
        20,
        [f'alertname="RobotBudgetTight",{SERVICE},severity="warning"'],
    ),
    (
        "a roomy service",
        {
            f"robot_stack_service_memory_unreclaimable_bytes{{{SERVICE}}}": "79x30",
            f"robot_stack_service_memory_limit_declared_bytes{{{SERVICE}}}": "100x30",
        },
        20,
        [],
    ),
    (
        "a thrashing service",
        {f"robot_stack_service_major_faults_per_minute{{{SERVICE}}}": "11x30"},
        20,
        [f'alertname="RobotThrashing",{SERVICE},severity="critical"'],
    ),
    ("a few faults", {f"robot_stack_service_major_faults_per_minute{{{SERVICE}}}": "10x30"}, 20, []),
    (
        "a killed service",
        {f"robot_stack_service_oom_kills_total{{{SERVICE}}}": "0x5 1x30"},
        20,
        [f'alertname="RobotOomKill",{SERVICE},severity="critical"'],
    ),
    (
        "any killed process",
        {f"node_vmstat_oom_kill{{{SCOUT}}}": "7x5 8x30"},
        20,
        [f'alertname="RobotOomKill",{SCOUT},severity="critical"'],
    ),
    ("kills of long ago", {f"node_vmstat_oom_kill{{{SCOUT}}}": "0x5 8x120"}, 100, []),
    (
        "kills of long ago, of a robot that was off",
        {
            f"robot_stack_service_oom_kills_total{{{SERVICE}}}": "1x5 _x90 1x60",
            f"robot_stack_service_restarts_total{{{SERVICE}}}": "3x5 _x90 3x60",
            f"vmagent_remotewrite_packets_dropped_total{{{SCOUT}}}": "2x5 _x90 2x60",
        },
        110,
        [],
    ),
    ("kills before a boot", {f"node_vmstat_oom_kill{{{SCOUT}}}": "8x5 0x30"}, 20, []),
    (
        "a kill after a boot",
        {f"node_vmstat_oom_kill{{{SCOUT}}}": "8x5 0x5 1x30"},
        20,
        [f'alertname="RobotOomKill",{SCOUT},severity="critical"'],
    ),
    (
        "a service that ended",
        {f"robot_stack_service_restarts_total{{{SERVICE}}}": "0x5 1x30"},
        20,
        [f'alertname="RobotServiceEnded",{SERVICE},severity="warning"'],
    ),
    (
        "a service that is down",
        {f"robot_stack_service_up{{{SERVICE}}}": "0x30"},
        20,
        [f'alertname="RobotServiceDown",{SERVICE},severity="critical"'],
    ),
    (
        "a watchdog that stopped looking",
        {f"robot_stack_watchdog_last_look_timestamp_seconds{{{SCOUT}}}": "0+60x5 300x30"},
        30,
        [f'alertname="RobotUnwatched",{SCOUT},severity="critical"'],
    ),
    ("a watchdog that looks", {f"robot_stack_watchdog_last_look_timestamp_seconds{{{SCOUT}}}": "0+60x30"}, 20, []),
    (
        "a sensor service that does not answer",
        {**HEARD, f'up{{{SCOUT},job="sensor_service"}}': "0x30", f'up{{{SCOUT},job="a"}}': "1x30"},
        20,
        [f'alertname="RobotUnwatched",job="sensor_service",{SCOUT},severity="critical"'],
    ),
    (
        "the hub's own sensor service, which does not answer",
        {'up{hub="h",job="sensor_service"}': "0x30", 'up{hub="h",job="vmauth"}': "1x30"},
        20,
        ['alertname="RobotUnwatched",hub="h",job="sensor_service",severity="critical"'],
    ),
    (
        "a sensor service that answers with nothing of its watchdog's, as where it reads another folder",
        {**HEARD, f'up{{{SCOUT},job="sensor_service"}}': "1x30"},
        20,
        [f'alertname="RobotUnwatched",job="sensor_service",{SCOUT},severity="critical"'],
    ),
    (
        "a sensor service that answers with its watchdog's looks",
        {
            **HEARD,
            f'up{{{SCOUT},job="sensor_service"}}': "1x30",
            f'robot_stack_watchdog_last_look_timestamp_seconds{{{SCOUT},job="sensor_service"}}': "0+60x30",
        },
        20,
        [],
    ),
    (
        "a hub of a pair whose own watchdog is not heard of, beside one whose is",
        {
            'up{hub="h",job="sensor_service"}': "1x30",
            'up{hub="g",job="sensor_service"}': "1x30",
            'robot_stack_watchdog_last_look_timestamp_seconds{hub="g",job="sensor_service"}': "0+60x30",
        },
        20,
        ['alertname="RobotUnwatched",hub="h",job="sensor_service",severity="critical"'],
    ),
    (
        "a host over its budget, beside one on which nobody looks",
        {
            'robot_stack_stack_verdict{hub="g"}': "4x60",
            'robot_stack_watchdog_last_look_timestamp_seconds{hub="g",job="sensor_service"}': "0+60x60",
            'robot_stack_watchdog_last_look_timestamp_seconds{hub="h",job="sensor_service"}': "0x60",
        },
        50,
        [
            'alertname="RobotOverBudget",hub="g",severity="critical"',
            'alertname="RobotUnwatched",hub="h",job="sensor_service",severity="critical"',
        ],
    ),
    (
        "a stack over its budget",
        {
            f"robot_stack_memory_unreclaimable_bytes{{{SCOUT}}}": "301x30",
            f"robot_stack_memory_budget_bytes{{{SCOUT}}}": "300x30",
            f"robot_stack_memory_ceiling_bytes{{{SCOUT}}}": "300x30",
        },
        20,
        [f'alertname="RobotOverBudget",{SCOUT},severity="critical"'],
    ),
    (
        "a stack without its ceiling",
        {
            f"robot_stack_memory_budget_bytes{{{SCOUT}}}": "300x30",
            f"robot_stack_memory_ceiling_bytes{{{SCOUT}}}": "0x30",
        },
        20,
        [f'alertname="RobotUnlimited",{SCOUT},severity="critical"'],
    ),
    (
        "a stack over its budget, by the robot's own word",
        {f"robot_stack_stack_verdict{{{SCOUT}}}": "4x30", f"robot_stack_engine_verdict{{{SCOUT}}}": "0x30"},
        20,
        [f'alertname="RobotOverBudget",{SCOUT},severity="critical"'],
    ),
    (
        "a service whose limit does not hold, by the robot's own word, although its numbers agree",
        {
            f"robot_stack_service_verdict{{{SERVICE}}}": "5x30",
            f"robot_stack_service_up{{{SERVICE}}}": "1x30",
            f"robot_stack_service_memory_limit_effective_bytes{{{SERVICE}}}": "100x30",
            f"robot_stack_service_memory_limit_declared_bytes{{{SERVICE}}}": "100x30",
        },
        20,
        [f'alertname="RobotUnlimited",{SERVICE},severity="critical"'],
    ),
    (
        "a word that is no verdict",
        {f"robot_stack_service_verdict{{{SERVICE}}}": "55x30", f"robot_stack_stack_verdict{{{SCOUT}}}": "44x30"},
        20,
        [],
    ),
    (
        "a verdict of a robot where nobody looks any more: what is told is just that",
        {
            f"robot_stack_service_verdict{{{SERVICE}}}": "5x60",
            f"robot_stack_watchdog_last_look_timestamp_seconds{{{SCOUT}}}": "0x60",
        },
        50,
        [f'alertname="RobotUnwatched",{SCOUT},severity="critical"'],
    ),
    (
        "a verdict of a robot where nobody has looked for a quarter of an hour: there is no moment without an alert",
        {
            f"robot_stack_service_verdict{{{SERVICE}}}": "5x60",
            f"robot_stack_watchdog_last_look_timestamp_seconds{{{SCOUT}}}": "0x60",
        },
        18,
        [
            f'alertname="RobotUnlimited",{SERVICE},severity="critical"',
            f'alertname="RobotUnwatched",{SCOUT},severity="critical"',
        ],
    ),
    (
        "a disk that is almost full",
        {
            f'node_filesystem_avail_bytes{{{SCOUT},mountpoint="/"}}': "9x30",
            f'node_filesystem_size_bytes{{{SCOUT},mountpoint="/"}}': "100x30",
        },
        20,
        [f'alertname="RobotDiskFilling",{SCOUT},mountpoint="/",severity="warning"'],
    ),
    (
        "a disk that will be full tomorrow",
        {
            f'node_filesystem_avail_bytes{{{SCOUT},mountpoint="/"}}': "50000-100x300",
            f'node_filesystem_size_bytes{{{SCOUT},mountpoint="/"}}': "100000x300",
        },
        290,
        [f'alertname="RobotDiskFilling",{SCOUT},mountpoint="/",severity="warning"'],
    ),
    (
        "a disk on which something was written after a night, and then nothing",
        {
            f'node_filesystem_avail_bytes{{{SCOUT},mountpoint="/"}}': "29000x5 _x600 29000-100x10 28000x60",
            f'node_filesystem_size_bytes{{{SCOUT},mountpoint="/"}}': "100000x700",
        },
        620,
        [],
    ),
    (
        "a disk with room",
        {
            f'node_filesystem_avail_bytes{{{SCOUT},mountpoint="/"}}': "11x30",
            f'node_filesystem_size_bytes{{{SCOUT},mountpoint="/"}}': "100x30",
        },
        20,
        [],
    ),
    (
        "a hot robot",
        {f'node_thermal_zone_temp{{{SCOUT},type="cpu"}}': "81x30"},
        20,
        [f'alertname="RobotHot",{SCOUT},type="cpu",severity="warning"'],
    ),
    ("a warm robot", {f"node_thermal_zone_temp{{{SCOUT}}}": "80x30"}, 20, []),
    (
        "too little voltage, for a moment",
        {f"node_hwmon_in_lcrit_alarm_volts{{{SCOUT}}}": "0x18 1 0x10"},
        21,
        [f'alertname="RobotUndervolted",{SCOUT},severity="critical"'],
    ),
    ("enough voltage", {f"node_hwmon_in_lcrit_alarm_volts{{{SCOUT}}}": "0x30"}, 21, []),
    (
        "a low battery",
        {f'node_power_supply_capacity{{{SCOUT},power_supply="b"}}': "19x30"},
        20,
        [f'alertname="RobotBatteryLow",{SCOUT},power_supply="b",severity="warning"'],
    ),
    (
        "a low battery that charges",
        {
            f'node_power_supply_capacity{{{SCOUT},power_supply="b"}}': "19x30",
            f'node_power_supply_info{{{SCOUT},power_supply="b",status="Charging"}}': "1x30",
        },
        20,
        [],
    ),
    (
        "a robot that speaks of others, and for the hub",
        {
            **HEARD,
            f"up{{{SCOUT}}}": "1x30",
            f'vmauth_user_requests_total{{{SCOUT},username="ghost",hub="h"}}': "0+1x30",
            f'vm_storage_is_read_only{{{SCOUT},hub="h"}}': "1x30",
            f'vm_daily_series_limit_rows_dropped_total{{{SCOUT},hub="h"}}': "0+1x30",
            f'vmalert_alerts_send_errors_total{{{SCOUT},hub="h"}}': "0+1x30",
        },
        20,
        [],
    ),
    (
        "a hub without room",
        {'vm_storage_is_read_only{hub="h"}': "1x30"},
        20,
        ['alertname="TelemetryHubRefusesSamples",hub="h",severity="critical"'],
    ),
    (
        "a hub with too many series",
        {'vm_daily_series_limit_rows_dropped_total{hub="h"}': "0+1x30"},
        20,
        ['alertname="TelemetryHubDropsSeries",hub="h",severity="critical"'],
    ),
    (
        "a hub that refuses passwords",
        {'vmauth_http_request_errors_total{hub="h",reason="invalid_auth_token"}': "0+1x30"},
        20,
        ['alertname="TelemetryHubRefusesLogins",hub="h",reason="invalid_auth_token",severity="warning"'],
    ),
    (
        "a password that was mistyped once",
        {'vmauth_http_request_errors_total{hub="h",reason="invalid_auth_token"}': "0x10 1x30"},
        20,
        [],
    ),
    (
        "a hub that nobody hears",
        {'vmalert_alerts_send_errors_total{hub="h"}': "0+1x30"},
        20,
        ['alertname="TelemetryHubCannotNotify",hub="h",severity="warning"'],
    ),
    (
        "a hub whose last backup is of the day before yesterday",
        {f"robot_stack_backup_{what}_timestamp_seconds{{{OF_HUB}}}": "60x2400" for what in ("last_success", "enabled")},
        2300,
        [f'alertname="TelemetryHubBackupOld",{OF_HUB},severity="critical"'],
    ),
    (
        "a hub that has only just begun to make backups",
        {
            f"robot_stack_backup_last_success_timestamp_seconds{{{OF_HUB}}}": "0x2400",
            f"robot_stack_backup_enabled_timestamp_seconds{{{OF_HUB}}}": "100000x2400",
        },
        2300,
        [],
    ),
    (
        "a backup that failed",
        {f"robot_stack_backup_last_result{{{OF_HUB}}}": "1x10 0x20"},
        20,
        [f'alertname="TelemetryHubBackupFailed",{OF_HUB},severity="warning"'],
    ),
    ("a robot that speaks of backups", {f"robot_stack_backup_last_result{{{OF_HUB},{SCOUT}}}": "0x30"}, 20, []),
]


FIRST, SECOND = 'url="1:secret-url"', 'url="2:secret-url"'  # the hosts of a pair, as robots call them


def taken(robot: str, url: str) -> str:
    return f'vmagent_remotewrite_requests_total{{robot="{robot}",status_code="2XX",{url}}}'


def backlog(url: str) -> dict[str, str]:
    return {f"vmagent_remotewrite_pending_data_bytes{{{SCOUT},{url}}}": "2000000+1000x30"}


NO_BACKLOG = f"vmagent_remotewrite_pending_data_bytes{{{SCOUT},{SECOND}}}"
CALM = {taken(robot, url): "0+60x30" for robot in ("scout", "cart") for url in (FIRST, SECOND)}
GONE = {taken(robot, FIRST): "0+60x5 300x25" for robot in ("scout", "cart")}
AWAY = 'alertname="TelemetryHubAway",hub="north",severity="critical"'
GROWING = f'alertname="RobotBacklogGrowing",{SCOUT},{{}},severity="warning"'
PAIR_CASES: list[tuple[str, dict[str, str], list[str]]] = [
    ("both are there", CALM, []),
    ("one takes nothing from anybody", {**CALM, **GONE}, [AWAY]),
    ("one takes nothing from one robot of two", {**CALM, taken("scout", FIRST): "0+60x5 300x25"}, []),
    ("a backlog for one that is away is told as that", {**CALM, **GONE, **backlog(FIRST)}, [AWAY]),
    ("a backlog for the other one is the robot's", {**CALM, **GONE, **backlog(SECOND)}, [AWAY, GROWING.format(SECOND)]),
    ("a backlog where both are there", {**CALM, **backlog(FIRST)}, [GROWING.format(FIRST)]),
]


# The first one was the hub before, and answers with what it stored then.
CLUSTER = cluster(
    [
        {
            "inventory_hostname": host,
            "telemetry_hub_cluster_address": f"10.0.0.{n}",
            "telemetry_hub_former_storage": host == "a",
        }
        for n, host in enumerate("abc", 1)
    ]
)
REACHED = 'vm_tcpdialer_addr_available{{{}hub="{}",name="vmselect",addr="{}"}}'
HOSTS = {
    series: values
    for host in CLUSTER
    for series, values in (
        (f'up{{hub="{host}",job="sensor_service"}}', "1x30"),
        (f'robot_stack_watchdog_last_look_timestamp_seconds{{hub="{host}"}}', "0+60x30"),
        *((f'vm_rpc_vmstorage_is_reachable{{hub="{host}",addr="10.0.0.{n}:8400"}}', "1x30") for n in (1, 2, 3)),
        (REACHED.format("", host, "10.0.0.1:8411"), "1x30"),
    )
}
STORAGE_AWAY = 'alertname="TelemetryHubStorageAway",hub="b",severity="critical"'
BACKUP_OF = 'database="telemetry_hub_vmstorage",hub='
CLUSTER_CASES: list[tuple[str, dict[str, str], list[str]]] = [
    ("all are there", HOSTS, []),
    (
        "the storage of one host has no backup of today, and the last one of another failed",
        {
            **HOSTS,
            f'robot_stack_backup_last_success_timestamp_seconds{{{BACKUP_OF}"a"}}': "0x30",
            f'robot_stack_backup_last_success_timestamp_seconds{{{BACKUP_OF}"b"}}': "-200000x30",
            f'robot_stack_backup_last_result{{{BACKUP_OF}"a"}}': "1x30",
            f'robot_stack_backup_last_result{{{BACKUP_OF}"c"}}': "0x30",
        },
        [
            f'alertname="TelemetryHubBackupOld",{BACKUP_OF}"b",severity="critical"',
            f'alertname="TelemetryHubBackupFailed",{BACKUP_OF}"c",severity="warning"',
        ],
    ),
    (
        "a host tells nothing of itself",
        {name: "1x5 _x25" if name.startswith('up{hub="c"') else values for name, values in HOSTS.items()},
        ['alertname="TelemetryHubAway",hub="c",severity="critical"'],
    ),
    (
        "one host does not reach a storage",
        {**HOSTS, 'vm_rpc_vmstorage_is_reachable{hub="a",addr="10.0.0.2:8400"}': "1x20 0x10"},
        [STORAGE_AWAY],
    ),
    (
        "a robot says that it does not",
        {**HOSTS, f'vm_rpc_vmstorage_is_reachable{{{SCOUT},hub="a",addr="10.0.0.2:8400"}}': "0x30"},
        [],
    ),
    (
        "one host does not reach what was the hub's database",
        {**HOSTS, REACHED.format("", "c", "10.0.0.1:8411"): "1x20 0x10"},
        ['alertname="TelemetryHubFormerStorageAway",hub="a",severity="warning"'],
    ),
    ("a robot says that nobody reaches it", {**HOSTS, REACHED.format(f"{SCOUT},", "c", "10.0.0.1:8411"): "0x30"}, []),
    ("a vmselect does not reach a storage", {**HOSTS, REACHED.format("", "c", "10.0.0.2:8401"): "0x30"}, []),
    (
        "there is one copy of what came",
        {**HOSTS, 'vm_rpc_rows_incompletely_replicated_total{hub="a"}': "0x20 500x10"},
        ['alertname="TelemetryHubOneCopy",severity="warning"'],
    ),
    ("a backlog for one of two entry points", {**HOSTS, **backlog(FIRST), NO_BACKLOG: "0x30"}, []),
    (
        "a backlog for both",
        {**HOSTS, **backlog(FIRST), **backlog(SECOND)},
        [f'alertname="RobotBacklogGrowing",{SCOUT},severity="warning"'],
    ),
]


def rules(**written: Any) -> str:
    text = TEMPLATE.read_text(encoding="utf-8")
    return str(templar(telemetry_hub_secrets_optional=True, **written).template(trust_as_template(text)))


@lru_cache(maxsize=1)
def default_rules() -> str:
    return rules(telemetry_hub_robots=["cart", "scout"], telemetry_hub_backup_enabled=True)


@lru_cache(maxsize=1)
def pair_rules() -> str:
    return rules(telemetry_hub_robots=["cart", "scout"], telemetry_hub_pair=["north", "south"])


@lru_cache(maxsize=1)
def cluster_rules() -> str:
    return rules(inventory_hostname="a", telemetry_hub_robots=["cart", "scout"], telemetry_hub_cluster=CLUSTER)


def promtool(folder: Path, tests: list[dict[str, Any]], text: str = "") -> str:
    """Run ``tests`` against the rules; return what promtool has to say, "" where it agrees."""
    (folder / "fleet.yml").write_text(text or default_rules(), encoding="utf-8")
    (folder / "tests.yml").write_text(
        json.dumps({"rule_files": [str(BUDGET_RULES), "fleet.yml"], "evaluation_interval": "1m", "tests": tests}),
        encoding="utf-8",
    )
    assert PROMTOOL.exists(), "run testbed/promtool, as `make unit` does"
    argv = [str(PROMTOOL), "test", "rules", str(folder / "tests.yml")]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.mark.parametrize(("series", "minute", "firing"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_an_alert_fires_for_what_it_is_about(
    tmp_path: Path, series: dict[str, str], minute: int, firing: list[str]
) -> None:
    assert promtool(tmp_path, [firing_then(series, minute, firing)]) == ""


@pytest.mark.parametrize(("series", "firing"), [case[1:] for case in PAIR_CASES], ids=[case[0] for case in PAIR_CASES])
def test_a_host_of_a_pair_is_told_from_its_robots(tmp_path: Path, series: dict[str, str], firing: list[str]) -> None:
    assert promtool(tmp_path, [firing_then(series, 25, firing)], pair_rules()) == ""


@pytest.mark.parametrize(
    ("series", "firing"), [case[1:] for case in CLUSTER_CASES], ids=[case[0] for case in CLUSTER_CASES]
)
def test_a_host_of_a_cluster_is_told_by_the_others(tmp_path: Path, series: dict[str, str], firing: list[str]) -> None:
    assert promtool(tmp_path, [firing_then(series, 25, firing)], cluster_rules()) == ""


def firing_then(series: dict[str, str], minute: int, firing: list[str]) -> dict[str, Any]:
    """Return a test of promtool's: with these series these alerts fire in that minute, and no others."""
    expected = [{"labels": f'ALERTS{{alertstate="firing",{labels}}}', "value": 1} for labels in firing]
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {"expr": 'ALERTS{alertstate="firing"}', "eval_time": f"{minute}m", "exp_samples": expected}
        ],
    }


def test_one_robot_has_its_share_of_an_alert_and_others_keep_theirs(tmp_path: Path) -> None:
    many = {f'robot_stack_service_up{{{SCOUT},service="s{number}"}}': "0x30" for number in range(200)}
    many['robot_stack_service_up{robot="cart",service="s"}'] = "0x30"
    counted = 'count by (robot) (ALERTS{alertname="RobotServiceDown",alertstate="firing"})'
    expected = [{"labels": '{robot="cart"}', "value": 1}, {"labels": f"{{{SCOUT}}}", "value": 20}]
    series = [{"series": name, "values": values} for name, values in many.items()]
    asked = [{"expr": counted, "eval_time": "20m", "exp_samples": expected}]
    assert promtool(tmp_path, [{"interval": "1m", "input_series": series, "promql_expr_test": asked}]) == ""


def test_every_group_is_bounded_and_no_rule_of_a_small_fleet_reaches_it() -> None:
    robots = [f"robot-{number}" for number in range(9)]
    extra = [{"name": "own", "rules": []}, {"name": "roomy", "limit": 7, "rules": []}]
    groups = yaml.safe_load(rules(telemetry_hub_robots=robots, telemetry_hub_rule_groups_extra=extra))["groups"]
    assert {group["name"]: group["limit"] for group in groups} == {
        "robots": 400, "telemetry_hub": 400, "own": 400, "roomy": 7,
    }  # fmt: skip
    verdicts = next(f for f in value("telemetry_hub_rule_files", telemetry_hub_robots=robots) if "memory" in f["path"])
    (made,) = rendered([dict(verdicts)], [PROJECT / "roles"], str)
    assert yaml.safe_load(made["content"])["groups"][0]["limit"] == 400


def test_every_alert_has_a_case() -> None:
    groups = yaml.safe_load(default_rules())["groups"]
    alerts = {rule["alert"] for group in groups for rule in group["rules"]}
    tried = {name for case in CASES for labels in case[3] for name in re.findall(r'alertname="(\w+)"', labels)}
    assert alerts == tried


def test_nothing_that_a_robot_has_counted_before_it_was_off_is_told_as_new() -> None:
    """VictoriaMetrics, which answers vmalert, counts a low counter from 0 after a gap; promtool does not show that."""
    for rule in yaml.safe_load(rules())["groups"][0]["rules"]:
        if rule["alert"] in ("RobotOomKill", "RobotServiceEnded", "RobotDropsSamples"):
            assert "increase(" not in rule["expr"], rule
            assert rule["expr"].count(" > min_over_time(") >= 2, rule


def test_a_hub_without_backups_has_no_alert_about_them() -> None:
    assert "Backup" not in rules()


def test_alerts_and_verdicts_draw_the_line_at_the_same_place() -> None:
    verdict = yaml.safe_load(BUDGET_RULES.read_text(encoding="utf-8"))["groups"][0]["rules"][0]["expr"]
    alerts = {rule["alert"]: rule["expr"] for rule in yaml.safe_load(rules())["groups"][0]["rules"]}
    for name in ("RobotBudgetTight", "RobotThrashing"):
        expression = alerts[name].removeprefix("topk by (robot) (20, ").removesuffix(")")
        for part in re.split(r"\s+or\s+", expression):
            assert f"({' '.join(part.split())})" in " ".join(verdict.split()), name


def test_the_end_of_the_certificate_is_told_from_its_renewal_on(tmp_path: Path) -> None:
    argv = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=hub", "-days", "100"]
    subprocess.run([*argv, "-keyout", tmp_path / "key", "-out", tmp_path / "pem"], check=True, capture_output=True)
    pem = (tmp_path / "pem").read_text(encoding="utf-8")
    given = {"telemetry_hub_tls_certificate": pem, "telemetry_hub_certificate_renew_days": 60}
    (alert,) = [
        rule
        for group in yaml.safe_load(rules(**given))["groups"]
        for rule in group["rules"]
        if rule["alert"] == "TelemetryHubCertificateEnds"
    ]
    shown = subprocess.run(
        ["openssl", "x509", "-in", tmp_path / "pem", "-noout", "-checkend", str(100 * 86400 - 5)],
        check=False, capture_output=True,
    )  # fmt: skip
    assert shown.returncode == 0, "it ends in 100 days"
    begins = float(alert["expr"].rpartition(">")[2])
    assert abs(begins - (time.time() + 40 * 86400)) < 600
