"""A robot's samples go where its mode says, and its buffer bridges what it shall."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import yaml
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate import gate, telemetry
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.declaration import Fault
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.report import report
from ansible_collections.robotfleet.stack.plugins.plugin_utils.telemetry.offline_buffer import lasting_hours, needed_mib
from declarations import PROJECT, catalogue, robot
from hypothesis import given
from hypothesis import strategies as st
from rendering import value

PUSH: dict[str, Any] = {
    "robot_stack_telemetry_mode": "push",
    "vmagent_hub_url": "https://hub.example.org:8427",
    "vmagent_hub_password": "x",
}
BOTH = {**PUSH, "robot_stack_telemetry_mode": "both"}


def faults(**written: Any) -> list[Fault]:
    return gate.check(robot(**written), catalogue())


def variables(**written: Any) -> set[str]:
    return {found.variable for found in faults(**written)}


def test_the_modes_have_the_services_that_the_role_gives_them() -> None:
    own = yaml.safe_load((PROJECT / "roles/robot_stack/vars/main.yml").read_text(encoding="utf-8"))
    of_modes = own["robot_stack_services_of_modes"]
    assert tuple(catalogue().options["robot_stack_telemetry_mode"].choices) == tuple(of_modes)
    for mode, services in of_modes.items():
        assert robot(robot_stack_telemetry_mode=mode).services == tuple(services)
        assert set(services) <= catalogue().services


def test_what_a_mode_needs_and_has_no_part_in_is_said_by_its_services_alone() -> None:
    sends = robot(**PUSH, robot_stack_services=["sensor_service", "victoriametrics"])
    assert [found.why for found in telemetry.check(sends)] == [
        "it needs the service vmagent",
        "robot_stack_services lists victoriametrics, which has no part in it",
    ]
    assert telemetry.check(replace(sends, modes={"push": ("sensor_service", "victoriametrics")})) == []
    assert telemetry.check(replace(sends, modes={})) == []


@pytest.mark.parametrize("written", [{}, PUSH, BOTH], ids=["local", "push", "both"])
def test_each_mode_can_be_declared(written: dict[str, Any]) -> None:
    assert faults(**written) == []


def test_a_mode_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    (found,) = faults(robot_stack_telemetry_mode="hub")
    assert found.remedy == "write one of: local, push, both"


@pytest.mark.parametrize("mode", ["push", "both"])
def test_a_robot_that_sends_needs_a_hub_and_a_password(mode: str) -> None:
    written = {"robot_stack_telemetry_mode": mode, "vmagent_hub_password": ""}
    assert variables(**written) == {"vmagent_hub_url", "vmagent_hub_password"}


@pytest.mark.parametrize(
    "url", ["hub.example.org:8427", "ftp://hub", "https://hub:8427/api/v1/write", "https://hub?x=1", "https://"]
)
def test_a_hub_is_an_address_without_a_path(url: str) -> None:
    assert variables(**{**PUSH, "vmagent_hub_url": url}) == {"vmagent_hub_url"}


def test_a_password_in_the_hubs_address_is_refused_and_not_shown() -> None:
    found = faults(**{**PUSH, "vmagent_hub_url": "https://scout:hunter2@hub:8427"})
    assert [fault.variable for fault in found] == ["vmagent_hub_url"]
    assert "hunter2" not in report(found, 1)


def test_plain_http_is_for_test_networks_only() -> None:
    plain = {**PUSH, "vmagent_hub_url": "http://hub:8427"}
    (found,) = faults(**plain)
    assert "in the clear" in found.why
    assert faults(**plain, vmagent_hub_plain_http=True) == []


def test_the_third_service_counts_in_the_budget() -> None:
    assert faults(**BOTH, robot_stack_memory_budget_mib=256) == []
    (found,) = faults(**BOTH, robot_stack_memory_budget_mib=255)
    assert "vmagent_memory_limit_mib 32 = 256 MiB" in found.why
    assert faults(**PUSH, robot_stack_memory_budget_mib=192) == []


@pytest.mark.parametrize(
    ("mode", "services"),
    [
        ("local", ["sensor_service", "victoriametrics", "vmagent"]),
        ("push", ["sensor_service", "victoriametrics", "vmagent"]),
        ("push", ["sensor_service"]),
        ("both", ["sensor_service", "vmagent"]),
        ("both", ["sensor_service", "victoriametrics"]),
    ],
)
def test_a_list_of_services_that_contradicts_the_mode_is_refused(mode: str, services: list[str]) -> None:
    written = {**PUSH, "robot_stack_telemetry_mode": mode, "robot_stack_services": services}
    assert variables(**written) == {"robot_stack_telemetry_mode"}


def test_a_service_that_the_mode_needs_must_be_on() -> None:
    (found,) = faults(**PUSH, vmagent_enabled=False)
    assert found.remedy.startswith("switch it on (vmagent_enabled: true)")
    named = ["robotfleet.stack.sensor_service", "robotfleet.stack.vmagent"]
    (found,) = faults(**PUSH, vmagent_enabled=False, robot_stack_services=named)
    assert found.remedy.startswith("switch it on (vmagent_enabled: true)")
    assert variables(**BOTH, victoriametrics_enabled=False) == {"robot_stack_telemetry_mode"}


@pytest.mark.parametrize("size", [1, 100, 511])
def test_a_buffer_below_what_vmagent_knows_is_refused(size: int) -> None:
    (found,) = faults(**PUSH, vmagent_buffer_disk_mib=size)
    assert found.variable == "vmagent_buffer_disk_mib"
    assert found.remedy == "write 512 or more"


def test_a_buffer_that_does_not_bridge_the_hours_is_refused_with_both_remedies() -> None:
    larger = {**PUSH, "vmagent_expected_series": 10_000, "vmagent_memory_limit_mib": 64}
    (found,) = faults(**larger, vmagent_offline_hours=72)
    needed, lasts = needed_mib(10_000, "15s", 72), lasting_hours(512, 10_000, "15s")
    assert found.remedy == f"raise it to at least {needed}, or lower vmagent_offline_hours to {lasts}"
    assert faults(**larger, vmagent_buffer_disk_mib=needed) == []
    assert faults(**larger, vmagent_offline_hours=lasts) == []


@given(
    series=st.integers(min_value=1, max_value=100_000),
    hours=st.integers(min_value=1, max_value=2000),
    interval=st.sampled_from(["1s", "15s", "2m", "500ms"]),
)
def test_hours_and_mib_are_one_arithmetic(series: int, hours: int, interval: str) -> None:
    needed = needed_mib(series, interval, hours)
    assert lasting_hours(needed, series, interval) >= hours
    assert needed_mib(series, interval, lasting_hours(needed, series, interval)) <= needed


def test_nobody_on_the_network_may_send_in_the_robots_name() -> None:
    assert variables(**PUSH, vmagent_listen_address="0.0.0.0:8429") == {"vmagent_listen_address"}


@pytest.mark.parametrize("label", ["robot", "robot_groups"])
def test_the_inventorys_labels_are_not_given_away(label: str) -> None:
    assert variables(**PUSH, vmagent_external_labels={label: "x"}) == {"vmagent_external_labels"}


@pytest.mark.parametrize("mode", [PUSH, BOTH], ids=["push", "both"])
def test_what_was_written_for_the_other_reader_is_not_lost_in_silence(mode: dict[str, Any]) -> None:
    lidar = [{"job_name": "lidar", "static_configs": [{"targets": ["127.0.0.1:9200"]}]}]
    (found,) = faults(**mode, victoriametrics_scrape_configs_extra=lidar)
    assert (found.variable, found.value) == ("victoriametrics_scrape_configs_extra", "lidar")
    both = {"victoriametrics_scrape_configs_extra": lidar, "vmagent_scrape_configs_extra": lidar}
    assert faults(**mode, **both) == []
    targets = {"sensor_service": ["127.0.0.1:9101"], "lidar": ["127.0.0.1:9200"]}
    assert variables(**mode, victoriametrics_scrape_targets=targets) == {"victoriametrics_scrape_targets"}


def test_a_sensor_service_that_the_agent_does_not_read_is_told() -> None:
    assert variables(**PUSH, sensor_service_listen_address="127.0.0.1:9200") == {"vmagent_scrape_targets"}


def test_the_agent_knows_where_its_neighbour_listens_and_who_may_write_there() -> None:
    assert variables(**BOTH, victoriametrics_listen_address="127.0.0.1:9000") == {"vmagent_local_address"}
    login = {"victoriametrics_http_username": "operator", "victoriametrics_http_password": "x"}
    accepted = {**login, "victoriametrics_plain_http": True}
    everywhere = {**BOTH, "victoriametrics_listen_address": "0.0.0.0:8428", **accepted}
    assert variables(**everywhere) == {"vmagent_local_username", "vmagent_local_password"}
    assert faults(**everywhere, vmagent_local_username="operator", vmagent_local_password="x") == []
    assert faults(**PUSH, **login) == [], "there is no neighbour in this mode"


@pytest.mark.parametrize("send", [1, 2])
def test_a_robot_that_would_not_catch_up_is_refused_with_what_would(send: int) -> None:
    (found,) = faults(**PUSH, vmagent_send_kib_per_second=send)
    assert (found.variable, found.remedy) == (
        "vmagent_send_kib_per_second",
        "raise it to at least 3, or write 0, which works it out",
    )
    assert "1000 series every 15s make up to 1.2 KiB a second" in found.why
    assert faults(**PUSH, vmagent_send_kib_per_second=3) == faults(**PUSH, vmagent_send_kib_per_second=0) == []


def test_what_cannot_be_counted_with_is_told_once() -> None:
    assert variables(**PUSH, vmagent_send_kib_per_second=-1) == {"vmagent_send_kib_per_second"}
    assert variables(**PUSH, vmagent_send_kib_per_second=1, vmagent_scrape_interval="soon") == {
        "vmagent_scrape_interval"
    }


@pytest.mark.parametrize(("sent", "kept", "refused"), [(3000, 1000, False), (3001, 1000, True), (3001, 1001, False)])
def test_a_robots_database_takes_what_its_agent_brings(sent: int, kept: int, refused: bool) -> None:
    """Beyond three times its expected series it drops them, and nothing says so."""
    room = {
        "victoriametrics_memory_limit_mib": 128,
        "robot_stack_memory_budget_mib": 500,
        "vmagent_buffer_disk_mib": 4096,
    }
    found = faults(**BOTH, **room, vmagent_expected_series=sent, victoriametrics_expected_series=kept)
    assert [one.variable for one in found] == ["vmagent_expected_series"] * refused, found
    assert kept_in_an_hour(kept) == telemetry.KEPT_TIMES * kept


def kept_in_an_hour(series: int) -> int:
    fitted = value("victoriametrics_fit", victoriametrics_expected_series=series, victoriametrics_memory_limit_mib=128)
    return int(fitted["max_hourly_series"])


@pytest.mark.parametrize(("mode", "read_by"), [("local", "victoriametrics"), ("both", "vmagent")])
def test_the_disk_of_a_robots_database_follows_from_who_reads(mode: str, read_by: str) -> None:
    def asked(**intervals: str) -> int:
        return int(value("victoriametrics_spec.disk_mib", robot_stack_telemetry_mode=mode, **intervals))

    other = {"victoriametrics": "vmagent", "vmagent": "victoriametrics"}[read_by]
    usual = asked()
    assert asked(**{f"{read_by}_scrape_interval": "5s"}) > 1.5 * usual
    assert asked(**{f"{other}_scrape_interval": "5s"}) == usual
