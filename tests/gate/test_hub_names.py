"""By what names a hub is reached and its users are called: its certificate, its rules and its pages bear them."""

from __future__ import annotations

from typing import Any

import pytest
import rendering
import yaml
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate import bounds, gate
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.declaration import Fault, Secret
from declarations import PROJECT, catalogue, robot

OWN = yaml.safe_load((PROJECT / "roles/telemetry_hub/vars/main.yml").read_text(encoding="utf-8"))
HUB: dict[str, Any] = {
    "robot_stack_services": ["sensor_service", *OWN["telemetry_hub_components"]],
    "robot_stack_memory_budget_mib": 600,
}
NAMES, READER, KEY = "telemetry_hub_names", "telemetry_hub_reader_username", "telemetry_hub_tls_key"
CERTIFICATE = "-----BEGIN CERTIFICATE-----"
PLAIN_KEY = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
OWN_CERTIFICATE = {"telemetry_hub_tls_certificate": CERTIFICATE, KEY: PLAIN_KEY}
LONG = ".".join(["a" * 40, "b" * 30, "org"])  # more than 64 letters


def faults(host: str = "hub", /, **written: Any) -> list[Fault]:
    return gate.check(robot(host, **{**HUB, **written}), catalogue())


def refused(variable: str, value: Any, **more: Any) -> Fault:
    (found,) = faults(**{**more, variable: value})
    assert found.variable == variable
    return found


@pytest.mark.parametrize(
    "name",
    [
        "hub.example.org:8427",
        "https://hub",
        "https://hub.example.org:8427/",
        "",
        " ",
        "hub a",
        "hub\n",
        "hüb.example",
        "1.2.3",
        "10.0.0.999",
        "[fd00::1]",
        "fd00::g",
        "10.0.0.1:8427",
        "hub..example.org",
        ".hub",
        "-hub",
        "hub-",
        "hub/x",
        "DNS:hub",
        "IP:10.0.0.1",
        "hub,other",
        "*",
        "hub.*.org",
        "h*b.example.org",
    ],
)
def test_a_name_that_no_certificate_can_bear_is_refused(name: str) -> None:
    for names in ([name], ["hub", name]):
        found = refused(NAMES, names)
        assert found.value == f'"{name}"'
        assert "a name or an address alone, without scheme, port and brackets" in found.remedy


def test_a_name_of_another_alphabet_is_told_as_dns_has_it() -> None:
    assert "xn--hb-xka.example" in refused(NAMES, ["hüb.example"]).remedy
    assert faults(**OWN_CERTIFICATE, **{NAMES: ["hüb.example"]}) == []


@pytest.mark.parametrize("name", ["*.example.org", "fe80::1%eth0"])
def test_the_first_name_becomes_an_address_and_others_need_not(name: str) -> None:
    assert "the first one becomes an address" in refused(NAMES, [name, "hub"]).why
    assert "the first one becomes an address" in refused(NAMES, [name], **OWN_CERTIFICATE).why
    assert faults(**{NAMES: ["hub", name]}) == []


def test_the_first_name_fits_into_a_certificate_that_is_made_here() -> None:
    found = refused(NAMES, [LONG])
    assert f"it has {len(LONG)} letters, and a certificate names its owner in at most 64" in found.why
    assert faults(**{NAMES: ["hub", LONG]}) == []
    assert faults(**OWN_CERTIFICATE, **{NAMES: [LONG]}) == []
    assert faults(**{NAMES: [LONG[-64:]]}) == []


@pytest.mark.parametrize(
    "names",
    [
        ["hub"],
        ["Hub.Example.org."],
        ["hub_1", "HUB-2"],
        ["10.20.0.5", "fd00::1", "FD00:0::9", "::ffff:10.0.0.5"],
        ["fd00::1"],
        ["1hub.2"],
        ["xn--hb-xka.example"],
        ["_hub"],
        ["hub", "*.example.org", "localhost", "127.0.0.1"],
    ],
)
def test_names_that_work_are_taken(names: list[str]) -> None:
    assert faults(**{NAMES: names}) == []


@pytest.mark.parametrize("days", [3651, 3_000_000, 10**9])
def test_a_certificate_ends_no_later_than_its_authority(days: int) -> None:
    assert refused("telemetry_hub_certificate_days", days).remedy == "write a number of at most 3650"
    assert faults(telemetry_hub_certificate_days=3650) == []


def test_the_authority_is_made_for_as_long() -> None:
    assert OWN["telemetry_hub_authority_days"] == bounds.of_number("telemetry_hub_certificate_days")[1]


@pytest.mark.parametrize("host", ["ca", "ca.next", "ca.previous"])
def test_no_host_takes_the_files_of_the_authority(host: str) -> None:
    (found,) = faults(host, **{NAMES: ["hub"]})
    assert (found.robot, found.variable, found.value) == (host, "inventory_hostname", f'"{host}"')
    assert f"{host}.pem is the authority's own file" in found.why
    assert faults(host, **{NAMES: ["hub"]}, **OWN_CERTIFICATE) == []


@pytest.mark.parametrize("host", ["CA2", "ca-1", "cab", "ca.example.org", "robots", "reader"])
def test_other_hosts_are_called_as_they_like(host: str) -> None:
    assert faults(host, **{NAMES: ["hub"]}) == []


LOCKED = [
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
    "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n",
    "-----BEGIN EC PRIVATE KEY-----\nProc-Type:4,ENCRYPTED\n\nAAAA\n",
]


@pytest.mark.parametrize("key", LOCKED)
def test_a_key_that_asks_for_a_password_is_refused(key: str) -> None:
    for value in (key, Secret(key)):
        found = refused(KEY, value, telemetry_hub_tls_certificate=CERTIFICATE)
        assert found.value == "(secret)"
        assert "it is locked with a password" in found.why
        assert "openssl pkey" in found.remedy


@pytest.mark.parametrize(
    "key", [PLAIN_KEY, PLAIN_KEY.replace("BEGIN", "BEGIN EC"), f"-----BEGIN EC PARAMETERS-----\n{PLAIN_KEY}"]
)
def test_a_key_that_asks_for_none_is_taken(key: str) -> None:
    for value in (key, Secret(key), Secret()):
        assert faults(**{**OWN_CERTIFICATE, KEY: value}) == []


@pytest.mark.parametrize("text", ["\n", " ", "\u00a0\n"])
def test_a_key_or_a_certificate_that_is_blank_is_none(text: str) -> None:
    for value in (text, Secret(text)):
        assert refused(KEY, value, telemetry_hub_tls_certificate=CERTIFICATE).why == "it is blank"
    assert refused("telemetry_hub_tls_certificate", text, **{KEY: PLAIN_KEY}).why == "it is blank"
    assert faults(telemetry_hub_tls_certificate="", **{KEY: ""}) == []


@pytest.mark.parametrize("name", ["", 'ops"team', "a\\b", '"', "\\", "ops\\"])
def test_a_reader_whom_no_rule_can_name_is_refused(name: str) -> None:
    """Seen: the entry point, or all rules and the pages, were down."""
    found = refused(READER, name)
    assert found.remedy == "write a name without quotes and backslashes, such as reader"


@pytest.mark.parametrize(
    "name", ["reader", "Ops.team-2", "ops team", "o'brien", "me@example.org", "jürgen", "a,b", "0"]
)
def test_a_reader_who_can_be_named_is_taken(name: str) -> None:
    assert faults(**{READER: name}) == []
    expression = rendering.rendered_template(
        PROJECT / "roles/telemetry_hub/templates/fleet_rules.yml.j2",
        telemetry_hub_secrets_optional=True,
        **{READER: name},
    )
    assert f'username!="{name}"' in expression


AGENT = {"robot_stack_telemetry_mode": "both", "vmagent_hub_url": "https://hub:8427", "vmagent_hub_password": "x"}


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("scout-01", "scout-01"),
        ("me@example.org", "me@example.org"),
        ("a b", "a b"),
        ("jürgen\\x", "jürgen\\x"),
        ("a,b", '"a,b"'),
        ("o'brien", '"o\'brien"'),
        ('ops"team', '"ops\\"team"'),
        ('\\"', '"\\\\\\""'),
        ("robot(1", '"robot(1"'),
        ("jürgen, 🤖", '"jürgen, 🤖"'),
    ],
)
def test_a_user_name_with_a_comma_is_one(name: str, told: str) -> None:
    """A flag with several values is taken apart at commas, but for those between quotes."""
    assert gate.check(robot(**AGENT, vmagent_hub_username=name, robot_stack_memory_budget_mib=400), catalogue()) == []
    written = {
        **AGENT,
        "vmagent_hub_username": name,
        "vmagent_local_username": name,
        "vmagent_beside_victoriametrics": True,
    }
    words = rendering.value("vmagent_spec.command", **written, vmagent_hub_urls=["https://a", "https://b"])
    assert f"-remoteWrite.basicAuth.username={told},{told},{told}" in words
    words = rendering.value("telemetry_hub_vmalert_spec.command", telemetry_hub_notifier_username=name)
    assert f"-notifier.basicAuth.username={told}" in words
