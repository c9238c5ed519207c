"""Programs of VictoriaMetrics know IPv6 with a flag only: they have it where an inventory needs it, and nowhere else.

Source: https://github.com/VictoriaMetrics/VictoriaMetrics/tree/master/lib/netutil (GetTCPNetwork).
"""

from __future__ import annotations

from typing import Any

import pytest
from rendering import value

HUB = {"vmagent_hub_password": "secret", "vmagent_hub_ca": "", "robot_stack_telemetry_mode": "push"}


def knows(service: str, **written: Any) -> bool:
    command = value(f"{service}_spec.command", **written)
    return [word for word in command if word.startswith("-enableTCP6")] == ["-enableTCP6=true"]


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("https://hub.example.org:8427", True),
        ("https://hub:8427/", True),
        ("https://4.example.org:8427", True),
        ("https://[2001:db8::5]:8427", True),
        ("https://192.0.2.5:8427", False),
        ("https://192.0.2.5:8427/", False),
        ("http://192.0.2.5", False),
    ],
)
def test_an_agent_finds_a_hub_by_its_name_or_its_address_of_ipv6(url: str, wanted: bool) -> None:
    assert knows("vmagent", **HUB, vmagent_hub_url=url) == wanted


@pytest.mark.parametrize(
    ("mode", "written", "wanted"),
    [
        ("push", {"vmagent_listen_address": "[::1]:8429"}, True),
        ("push", {"vmagent_scrape_targets": {"lidar": ["127.0.0.1:1", "[::1]:9200"]}}, True),
        ("both", {"vmagent_local_address": "[::1]:8428"}, True),
        ("push", {"vmagent_local_address": "[::1]:8428"}, False),
        ("push", {"vmagent_scrape_targets": {}}, False),
        ("both", {}, False),
    ],
)
def test_an_agent_reaches_its_robots_own_addresses(mode: str, written: dict[str, Any], wanted: bool) -> None:
    more = {**HUB, "robot_stack_telemetry_mode": mode, "vmagent_hub_url": "https://192.0.2.5:8427", **written}
    assert knows("vmagent", **more) == wanted


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ({"victoriametrics_listen_address": "[::1]:8428"}, True),
        ({"victoriametrics_listen_address": "[::]:8428"}, True),
        ({"victoriametrics_scrape_targets": {"sensor_service": ["[::1]:9101"]}}, True),
        (
            {"victoriametrics_scrape_targets": {"lidar": ["[::1]:9200"]}, "robot_stack_telemetry_mode": "both"},
            False,
        ),
        ({"victoriametrics_listen_address": "0.0.0.0:8428"}, False),
        ({}, False),
    ],
)
def test_a_database_listens_and_reads_where_it_says(written: dict[str, Any], wanted: bool) -> None:
    assert knows("victoriametrics", **written) == wanted


def test_a_hub_listens_and_tells_where_it_says() -> None:
    assert not knows("telemetry_hub_vmauth")
    assert knows("telemetry_hub_vmauth", telemetry_hub_listen_address="[::]:8427")
    for url, wanted in (("", False), ("https://alerts:9093", False), ("https://a,https://[2001:db8::9]:9093", True)):
        assert knows("telemetry_hub_vmalert", telemetry_hub_notifier_url=url) == wanted
    assert not knows("telemetry_hub_victoriametrics", telemetry_hub_listen_address="[::]:8427")


@pytest.mark.parametrize(
    ("name", "url"), [("hub.local", "https://hub.local:8427"), ("2001:db8::5", "https://[2001:db8::5]:8427")]
)
def test_links_in_alerts_lead_to_the_hub(name: str, url: str) -> None:
    command = value("telemetry_hub_vmalert_spec.command", telemetry_hub_names=[name])
    assert f"-external.url={url}" in command


@pytest.mark.parametrize(
    ("address", "asked"),
    [
        ("127.0.0.1:9101", "127.0.0.1:9101"),
        ("0.0.0.0:9101", "127.0.0.1:9101"),
        (":9101", "127.0.0.1:9101"),
        ("192.0.2.7:9101", "192.0.2.7:9101"),
        ("[::]:9101", "[::1]:9101"),
        ("[::1]:9101", "[::1]:9101"),
    ],
)
def test_the_sensor_service_is_asked_where_it_listens(address: str, asked: str) -> None:
    found = value("sensor_service_spec", sensor_service_listen_address=address)
    assert found["health"]["url"] == f"http://{asked}/healthz"
