"""Addresses that nobody can be reached at: programs take them, say that they are well, and nothing arrives."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate import gate
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.declaration import Fault, Secret
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.report import report
from declarations import PROJECT, catalogue, robot

OWN = yaml.safe_load((PROJECT / "roles/telemetry_hub/vars/main.yml").read_text(encoding="utf-8"))
HUB: dict[str, Any] = {
    "robot_stack_services": ["sensor_service", *OWN["telemetry_hub_components"]],
    "robot_stack_memory_budget_mib": 600,
}
PUSH: dict[str, Any] = {
    "robot_stack_telemetry_mode": "push",
    "vmagent_hub_password": "x",
    "vmagent_hub_plain_http": True,
}
NOTIFIER, ENDPOINT = "telemetry_hub_notifier_url", "telemetry_hub_backup_s3_endpoint"
LOGIN = {"telemetry_hub_notifier_username": "hub", "telemetry_hub_notifier_password": Secret()}

# what stands behind https:// and cannot be, and a part of why
NOWHERE = {
    "hub:99999": "there is no port 99999",
    "hub:65536": "there is no port 65536",
    "hub:0": "there is no port 0",
    "hub:00": "there is no port 00",
    "hub:": "there is no port behind the colon",
    "hub:abc": "there is no port abc",
    "hub:84 27": "",
    "hub:-1": "there is no port -1",
    "hub:٣": "there is no port",
    "fd00::1:8427": "stands in brackets",
    "fd00::1": "stands in brackets",
    "[fd00::1": "is no address",
    "[fd00::g]:8427": "is no address",
    "[10.0.0.1]:8427": "is no address",
    "[hub]:8427": "is no address",
    "[]:8427": "is no address",
    "[fd00::1]8427": "is no address",
    "10.0.0.999:8427": "is no address",
    "1.2.3:8427": "is no address",
    "1:8427": "is no address",
    ":8427": "is no name of a host",
    "hub..example.org:8427": "is no name of a host",
    ".hub:8427": "is no name of a host",
    "-hub:8427": "is no name of a host",
    "hub-:8427": "is no name of a host",
    "hu\\b:8427": "is no name of a host",
    '"hub":8427': "is no name of a host",
    "hub;x:8427": "is no name of a host",
    f"{'a' * 64}.example.org:8427": "is no name of a host",
}
SOMEWHERE = [
    "hub",
    "hub:8427",
    "hub:1",
    "hub:65535",
    "hub:08427",
    "HUB-2.Example.org.:443",
    "hub_1.fleet:8427",
    "_hub:8427",
    "1hub.2:8427",
    "hüb.example:8427",  # as DNS has it, says the program itself
    "10.0.0.5:8427",
    "10.0.0.5",
    "[fd00::1]:8427",
    "[fd00::1]",
    "[FD00:0::9]:443",
    "[::ffff:10.0.0.5]:8427",
    "[fe80::1%25eth0]:8427",
    "xn--hb-xka.example:8427",
]


def faults(**written: Any) -> list[Fault]:
    return gate.check(robot(**written), catalogue())


def refused(variable: str, value: Any, **more: Any) -> Fault:
    (found,) = faults(**{**more, variable: value})
    assert found.variable == variable
    return found


@pytest.mark.parametrize("scheme", ["https", "http"])
@pytest.mark.parametrize("host", NOWHERE)
def test_a_hub_that_nobody_can_reach_is_refused(host: str, scheme: str) -> None:
    found = refused("vmagent_hub_url", f"{scheme}://{host}", **PUSH)
    assert NOWHERE[host] in found.why
    assert host in found.value
    assert found.remedy == "write vmagent_hub_url: https://hub.example.org:8427"


@pytest.mark.parametrize("host", SOMEWHERE)
def test_a_hub_that_there_may_be_is_taken(host: str) -> None:
    for end in ("", "/"):
        assert faults(**PUSH, vmagent_hub_url=f"https://{host}{end}") == []


def test_each_address_of_a_pair_is_looked_at() -> None:
    found = faults(**PUSH, vmagent_hub_urls=["https://hub-1:8427", "https://hub-2:84270"])
    assert [(one.variable, "no port 84270" in one.why) for one in found] == [("vmagent_hub_urls", True)]
    assert faults(**PUSH, vmagent_hub_urls=["https://hub-1:8427", "https://[fd00::2]:8427"]) == []


@pytest.mark.parametrize("host", ["a,b:8427", "a:8427,https://b:8427", "hub:8427,"])
def test_a_comma_would_make_two_addresses_of_one(host: str) -> None:
    assert "a comma" in refused("vmagent_hub_url", f"https://{host}", **PUSH).why


@pytest.mark.parametrize("url", ["https://hub?token=s3cret", "https://hub:8427#s3cret", "https://hub/?s3cret"])
def test_what_may_be_a_secret_in_a_hubs_address_is_not_shown(url: str) -> None:
    assert "s3cret" not in report([refused("vmagent_hub_url", url, **PUSH)], 1)


@pytest.mark.parametrize("host", NOWHERE)
def test_a_receiver_of_alerts_that_nobody_can_reach_is_refused(host: str) -> None:
    for url in (f"https://{host}", f"https://one:9093,https://{host}/alerts"):
        assert NOWHERE[host] in refused(NOTIFIER, url, **HUB).why


@pytest.mark.parametrize("host", SOMEWHERE)
def test_a_receiver_of_alerts_that_there_may_be_is_taken(host: str) -> None:
    for url in (f"https://{host}", f"HTTP://one:9093/a/b,https://{host}/alerts"):
        assert faults(**HUB, **{NOTIFIER: url}) == []


@pytest.mark.parametrize(
    "url",
    [
        "https://alerts?token=s3cret",
        "https://alerts:9093/api?s3cret",
        "https://alerts/#/s3cret",
        "https://alerts#s3cret",
        "https://one:9093,https://alerts:9093?s3cret",
        "https://alerts:99999?token=s3cret",
        "alerts?token=s3cret",
    ],
)
@pytest.mark.parametrize("login", [{}, LOGIN], ids=["without a login", "with a login"])
def test_a_query_in_a_receivers_address_would_lead_elsewhere_and_is_not_shown(url: str, login: dict[str, Any]) -> None:
    """The path of alerts would stand behind it, and it on a command line."""
    found = refused(NOTIFIER, url, **HUB, **login)
    assert "behind a question mark or a hash" in found.why
    assert "a token belongs in telemetry_hub_notifier_password" in found.remedy
    assert "s3cret" not in report([found], 1, "host")


@pytest.mark.parametrize("host", NOWHERE)
def test_a_storage_that_nobody_can_reach_is_refused(host: str) -> None:
    assert NOWHERE[host] in refused(ENDPOINT, f"https://{host}", **HUB).why


@pytest.mark.parametrize("host", [*SOMEWHERE, "minio:9000/path"])
def test_a_storage_that_there_may_be_is_taken(host: str) -> None:
    assert faults(**HUB, **{ENDPOINT: f"https://{host}"}) == []


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("robot_stack_registry", "registry:99999"),
        ("robot_stack_registry", "registry.example.org:0/fleet"),
        ("robot_stack_registry", "localhost:65536"),
        ("victoriametrics_image", "registry:99999/a/b"),
        ("telemetry_hub_image_namespace", "registry:0/victoriametrics"),
    ],
)
def test_a_registry_at_a_port_that_there_is_not_is_refused(variable: str, value: str) -> None:
    assert "there is no port" in refused(variable, value).why


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("robot_stack_registry", "registry:65535"),
        ("robot_stack_registry", "registry.example.org:1/fleet"),
        ("robot_stack_registry", ""),
        ("victoriametrics_image", "localhost:5000/a/b"),
        ("victoriametrics_image", "a/b"),
    ],
)
def test_a_registry_that_there_may_be_is_taken(variable: str, value: str) -> None:
    assert faults(**{variable: value}) == []
