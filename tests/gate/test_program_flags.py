"""Flags that are added to a program are of its parser's kinds, and undo nothing that the gate holds."""

from __future__ import annotations

from typing import Any

import pytest
import rendering
import yaml
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate import gate, program_flags, programs
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.declaration import Fault
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.report import report
from declarations import PROJECT, catalogue, robot

from tools import program_flags as tool

MODE = "robot_stack_telemetry_mode"
PUSH = {MODE: "push", "vmagent_hub_url": "https://hub.example.org:8427", "vmagent_hub_password": "x"}
OWN = yaml.safe_load((PROJECT / "roles/telemetry_hub/vars/main.yml").read_text(encoding="utf-8"))
HUB: dict[str, Any] = {
    "robot_stack_services": ["sensor_service", *OWN["telemetry_hub_components"]],
    "robot_stack_memory_budget_mib": 1000,
}
HOSTS = {
    name: {"address": f"10.0.0.{number}", "parts": ["vmstorage", "vmauth"], "url": f"https://{name}:8427"}
    for number, name in enumerate("abc", 1)
}
PLACES: dict[str, dict[str, Any]] = {"victoriametrics": {}, "vmagent": PUSH}
FREE, RATE = "storage.minFreeDiskSpaceBytes", "remoteWrite.rateLimit"
INSERTS = "maxConcurrentInserts"


def faults(service: str, flags: dict[str, Any], **more: Any) -> list[Fault]:
    place = PLACES.get(service, HUB)
    return gate.check(robot(**{**place, f"{service}_flags_extra": flags, **more}), catalogue())


def refused(service: str, flags: dict[str, Any], **more: Any) -> Fault:
    (found,) = faults(service, flags, **more)
    assert (found.robot, found.variable) == ("scout", f"{service}_flags_extra")
    assert next(iter(flags)) in found.value
    assert found.remedy
    return found


@pytest.mark.parametrize(
    ("service", "flags", "why"),
    [
        ("vmagent", {RATE: 1}, "vmagent_send_kib_per_second"),
        ("vmagent", {RATE: None}, "vmagent_send_kib_per_second"),
        ("vmagent", {"remoteWrite.shardByURL": True}, "a part of the samples"),
        ("vmagent", {"remoteWrite.shardByURL.labels": ["job"]}, "a part of the samples"),
        ("vmagent", {"remoteWrite.shardByURLReplicas": 1}, "a part of the samples"),
        ("vmagent", {"promscrape.config.dryRun": True}, "print something and end"),
        ("victoriametrics", {"promscrape.config.dryRun": True}, "print something and end"),
        ("telemetry_hub_vmalert", {"dryRun": True}, "print something and end"),
        ("telemetry_hub_vmalert", {"replay.timeFrom": "2020-01-01T20:07:00Z"}, "print something and end"),
        ("telemetry_hub_vmalert", {"notifier.config": "/config/notifiers.yml"}, "telemetry_hub_notifier_url"),
    ],
    ids=str,
)
def test_what_a_variable_says_or_the_stack_needs_is_not_said_by_a_flag(
    service: str, flags: dict[str, Any], why: str
) -> None:
    assert why in refused(service, flags).why


@pytest.mark.parametrize("name", ["snapshot", "logNewSeries", "metricNamesStatsReset", "pprof", "reload"])
@pytest.mark.parametrize("value", [None, "", "file:///proc/sys/kernel/random/uuid"])
def test_a_key_that_nobody_has_is_not_given_away(name: str, value: Any) -> None:
    assert "key" in refused("victoriametrics", {f"{name}AuthKey": value}).why


@pytest.mark.parametrize("name", ["config", "pprof", "reload"])
def test_nor_one_of_the_agents(name: str) -> None:
    assert "nobody shall have this key" in refused("vmagent", {f"{name}AuthKey": None}).why


@pytest.mark.parametrize("service", sorted(programs.PROGRAMS))
def test_every_key_that_a_role_sets_is_held(service: str) -> None:
    """A key's file that is left out opens what it closes; another one opens it to whoever reads that file."""
    place = {**PLACES.get(service, HUB), "telemetry_hub_secrets_optional": True}
    if service.startswith("telemetry_hub_vm"):
        place |= {"telemetry_hub_cluster": HOSTS, "inventory_hostname": "a"}
    words = rendering.value(f"{service}_spec.command", **place)
    keys = [word[1:].partition("=")[0] for word in words if "authkey=" in word.lower()]
    assert (len(keys) > 2) == (service in PLACES), keys
    for key in keys:
        assert program_flags.object_to(programs.PROGRAMS[service], {}, key, "file:///x"), key


@pytest.mark.parametrize("value", [4, 1, "8", None])
@pytest.mark.parametrize("service", ["victoriametrics", "vmagent"])
def test_nobody_writes_where_the_inventory_says_that_nobody_does(service: str, value: Any) -> None:
    found = refused(service, {INSERTS: value})
    assert f"{service}_accepts_writes is false" in found.why
    assert found.remedy == f"write {service}_accepts_writes: true, or delete the line"


@pytest.mark.parametrize(
    ("service", "more", "value"),
    [
        ("victoriametrics", {}, 0),
        ("vmagent", {}, "0"),
        ("victoriametrics", {"victoriametrics_accepts_writes": True}, 4),
        ("vmagent", {"vmagent_accepts_writes": True}, None),
        ("victoriametrics", {**PUSH, MODE: "both"}, 4),
        ("telemetry_hub_victoriametrics", {}, 4),
    ],
)
def test_how_many_write_at_once_is_a_choice_where_somebody_may(service: str, more: dict[str, Any], value: Any) -> None:
    assert faults(service, {INSERTS: value}, **more) == []


@pytest.mark.parametrize("value", [1, "1KiB", 1e3, "500MiB", None])
@pytest.mark.parametrize("service", ["victoriametrics", "telemetry_hub_victoriametrics"])
def test_less_free_disk_than_the_plan_counts_with_is_refused(service: str, value: Any) -> None:
    found = refused(service, {FREE: value})
    variable = f"{service.removesuffix('_victoriametrics')}_min_free_disk_mib"
    assert variable in found.why
    assert variable in found.remedy


@pytest.mark.parametrize("value", [2**60, "1TB", "2tib", 1 << 30])
@pytest.mark.parametrize("service", ["victoriametrics", "telemetry_hub_victoriametrics"])
def test_more_of_it_is_a_choice(service: str, value: Any) -> None:
    assert faults(service, {FREE: value}) == []


@pytest.mark.parametrize(
    ("service", "flags"),
    [
        ("vmagent", {"remoteWrite.sendTimeout": "soon"}),
        ("vmagent", {"remoteWrite.sendTimeout": 15}),
        ("vmagent", {"remoteWrite.sendTimeout": "15s,1d"}),
        ("vmagent", {"remoteWrite.sendTimeout": ["15s", "1 m"]}),
        ("vmagent", {"remoteWrite.queues": "x"}),
        ("vmagent", {"remoteWrite.queues": "1,two"}),
        ("vmagent", {"remoteWrite.queues": 1.5}),
        ("vmagent", {"remoteWrite.forcePromProto": "maybe"}),
        ("vmagent", {"remoteWrite.forcePromProto": "true, false"}),
        ("vmagent", {"remoteWrite.retryMinInterval": "1w"}),
        ("vmagent", {"remoteWrite.significantFigures": "3k"}),
        ("telemetry_hub_vmalert", {"notifier.sendTimeout": "soon"}),
        ("telemetry_hub_vmauth", {"retryStatusCodes": ["502", "5xx"]}),
        ("victoriametrics", {"futureRetention": "abc"}),
        ("victoriametrics", {"futureRetention": "5m"}),
        ("victoriametrics", {"snapshotsMaxAge": "3 d"}),
        ("victoriametrics", {"maxBackfillAge": "-1d"}),
    ],
    ids=str,
)
def test_each_value_of_a_list_is_of_the_flags_kind(service: str, flags: dict[str, Any]) -> None:
    name = next(iter(flags))
    assert f"the flag {name} takes" in refused(service, flags).why


@pytest.mark.parametrize(
    ("service", "flags"),
    [
        ("vmagent", {"remoteWrite.sendTimeout": "15s"}),
        ("vmagent", {"remoteWrite.sendTimeout": ["15s", ".5m"]}),
        ("vmagent", {"remoteWrite.sendTimeout": '"15s",1h2m3s,'}),
        ("vmagent", {"remoteWrite.queues": 2}),
        ("vmagent", {"remoteWrite.queues": ",1"}),
        ("vmagent", {"remoteWrite.forcePromProto": [True, "f"]}),
        ("vmagent", {"remoteWrite.headers": ["X-Site: a,b"]}),
        ("vmagent", {"remoteWrite.proxyURL": "http://proxy.example.org:3128"}),
        ("vmagent", {"pushmetrics.url": None}),
        ("telemetry_hub_vmauth", {"retryStatusCodes": "502,503"}),
        ("victoriametrics", {"futureRetention": "1.5y"}),
        ("victoriametrics", {"futureRetention": "2d"}),
        ("victoriametrics", {"futureRetention": 24}),
        ("victoriametrics", {"futureRetention": "6M"}),
        ("victoriametrics", {"snapshotsMaxAge": "1h30s"}),
        ("victoriametrics", {"maxBackfillAge": ""}),
        ("victoriametrics", {"search.maxPointsPerTimeseries": "+5"}),
        ("victoriametrics", {"import.maxLineLen": "16mib"}),
    ],
    ids=str,
)
def test_what_the_parser_takes_is_taken(service: str, flags: dict[str, Any]) -> None:
    assert faults(service, flags) == []


@pytest.mark.parametrize(
    "flags",
    [
        {"remoteWrite.proxyURL": "http://u:hunter2@p:1"},
        {"remoteWrite.proxyURL": ["http://p:1", "socks5://hunter2@p:1"]},
        {"pushmetrics.url": "https://u:hunter2@elsewhere.example.org/"},
        {"pushmetrics.header": "Authorization: Bearer hunter2"},
        {"remoteWrite.oauth2.tokenUrl": "https://hunter2@issuer.example.org"},
    ],
    ids=str,
)
def test_a_password_in_an_address_is_refused_and_not_shown(flags: dict[str, Any]) -> None:
    found = refused("vmagent", flags)
    assert found.why.endswith("would show a secret on the command line")
    assert "hunter2" not in report([found], 1)


SENDERS = {"telemetry_hub_robots": ["rover", "scout"], "telemetry_hub_series_per_robot": 100}


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"storage.maxHourlySeries": "10"}, "takes 10 in an hour"),
        ({"storage.maxHourlySeries": 1599}, "takes 1599 in an hour"),
        ({"storage.maxDailySeries": 1599}, "takes 1599 in a day"),
        ({"storage.maxDailySeries": "12"}, "takes 12 in a day"),
        ({"storage.maxDailySeries": 20, "storage.maxHourlySeries": 30}, "takes 20 in a day"),
        ({"storage.maxDailySeries": 1600, "storage.maxHourlySeries": "1600"}, ""),
        ({"storage.maxDailySeries": None, "storage.maxHourlySeries": 0}, ""),
    ],
    ids=str,
)
def test_a_bound_of_the_hubs_series_leaves_room_for_its_robots_however_it_is_written(
    flags: dict[str, Any], words: str
) -> None:
    found = faults("telemetry_hub_victoriametrics", flags, **SENDERS)
    assert [words in one.why for one in found] == ([True] if words else [])
    for one in found:
        assert one.variable == "telemetry_hub_series_share"
        assert "telemetry_hub_victoriametrics_flags_extra" in one.remedy


def test_help_tells_the_kind_of_a_lists_elements() -> None:
    text = (
        "Usage\n"
        "  -several array\n    \tWhich, by name\n    \tSupports an array of values separated by comma\n"
        "    \tEach array item can contain comma inside single-quoted or double-quoted string, {}, [] and () braces.\n"
        "  -often array\n    \tHow often (default 4)\n    \tSupports array of values separated by comma\n"
        "    \tEmpty values are set to default value.\n"
        "  -long array\n    \tHow long, see -often (default 1m0s)\n    \tSupports array of values separated by comma\n"
        "  -large array\n    \tHow large\n"
        "    \tSupports the following optional suffixes for size values: KB, MB, GB, TB, KiB. (default 0)\n"
        "    \tSupports array of values separated by comma\n"
        "  -whether array\n    \tWhether\n    \tSupports array of values\n    \tEmpty values are set to false.\n"
        "  -each array\n    \tOf each (default 1)\n    \tSupports an array of key:value entries separated by comma\n"
        "  -kept value\n    \tHow long\n"
        "    \tThe following optional suffixes are supported: s (second), h (hour), d (day) (default 2d)\n"
        "  -secret value\n    \tWhich\n"
    )
    assert tool.flags(text) == {
        "several": "array",
        "often": "array of int",
        "long": "array of duration",
        "large": "array of size",
        "whether": "array of bool",
        "each": "array",
        "kept": "period",
        "secret": "value",
    }


def test_the_kinds_of_the_programs_flags_are_told_apart() -> None:
    known = program_flags.known("vmagent")
    told = {name: known[f"remoteWrite.{name}"] for name in ("rateLimit", "sendTimeout", "queues", "url")}
    assert told == {
        "rateLimit": "array of int",
        "sendTimeout": "array of duration",
        "queues": "array of int",
        "url": "array",
    }
    assert known["remoteWrite.maxDiskUsagePerURL"] == "array of size"
    assert program_flags.known("victoriametrics")["futureRetention"] == "period"
    assert program_flags.known("victoriametrics")["deleteAuthKey"] == "value"
    assert program_flags.known("telemetry_hub_vmselect")["replicationFactor"] == "array"
    told_of_lists = {
        kind for each in programs.PROGRAMS for kind in program_flags.known(each).values() if "array" in kind
    }
    assert {kind.removeprefix(program_flags.LIST) for kind in told_of_lists} - {"array"} <= set(program_flags.KINDS)
