"""A hub's declaration is judged before its host is contacted, as a robot's is."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate import gate, hub
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.declaration import Fault, Secret
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.report import report
from declarations import PROJECT, catalogue, robot
from hypothesis import example, given
from hypothesis import strategies as st

OWN = yaml.safe_load((PROJECT / "roles/telemetry_hub/vars/main.yml").read_text(encoding="utf-8"))
BUDGET = {"robot_stack_memory_budget_mib": 600}


def faults(**written: Any) -> list[Fault]:
    """Return what is wrong with a hub that has the roles' defaults, a budget, and what is ``written``."""
    services = ["sensor_service", *OWN["telemetry_hub_components"]]
    return gate.check(robot("hub", **{"robot_stack_services": services, **BUDGET, **written}), catalogue())


def variables(**written: Any) -> set[str]:
    return {found.variable for found in faults(**written)}


def test_a_hub_with_a_budget_is_let_through() -> None:
    assert faults() == []


@pytest.mark.parametrize("mode", ["push", "both"])
def test_it_is_no_robot_that_sends(mode: str) -> None:
    assert faults(robot_stack_telemetry_mode=mode) == []


def test_a_host_is_a_robot_or_a_hub() -> None:
    robots = [robot(name) for name in ("scout-01", "base")]
    groups = {"robots": ["scout-01", "base"], "telemetry_hub": ["base"]}
    (found,) = hub.apart(robots, groups)
    assert (found.robot, found.variable, found.value) == ("base", "groups", "robots, telemetry_hub")
    assert hub.apart(robots, {"robots": ["scout-01", "base"]}) == []
    assert hub.apart(robots, {}) == []


def test_a_robots_budget_is_too_small_for_it() -> None:
    (found,) = faults(robot_stack_memory_budget_mib=300)
    assert found.variable == "robot_stack_memory_budget_mib"
    assert "telemetry_hub_victoriametrics_memory_limit_mib 256" in found.why
    assert "at least 544" in found.remedy


def test_a_service_that_is_switched_off_is_not_counted() -> None:
    assert faults(robot_stack_memory_budget_mib=480, telemetry_hub_vmalert_enabled=False) == []


def test_a_text_and_a_misspelt_limit_are_refused_and_the_host_is_called_a_host() -> None:
    found = faults(telemetry_hub_victoriametrics_memory_limit_mib="256M", telemetry_hub_vmauth_memory_limit_mb=64)
    assert {one.variable for one in found} == {
        "telemetry_hub_victoriametrics_memory_limit_mib",
        "telemetry_hub_vmauth_memory_limit_mb",
    }
    assert "2 faults on 1 of 1 host. No host was contacted." in report(found, 1, "host")


# 33,000 series were seen to be served in 256 MiB, 52,500 were not (docs/scale.md).
@pytest.mark.parametrize(("robots", "refused"), [(110, False), (175, True)])
def test_a_database_too_small_for_its_robots_backlog_is_refused(robots: int, refused: bool) -> None:
    found = faults(
        telemetry_hub_robots=[f"scout-{number}" for number in range(robots)], telemetry_hub_series_per_robot=300
    )
    assert {one.variable for one in found} == ({"telemetry_hub_victoriametrics_memory_limit_mib"} if refused else set())
    for one in found:
        assert "175 robots at telemetry_hub_series_per_robot 300" in one.why
        assert "raise it to at least 272, or expect fewer series" in one.remedy


PEM = "-----BEGIN CERTIFICATE-----"


@pytest.mark.parametrize(
    ("written", "blamed"),
    [
        ({"telemetry_hub_tls_certificate": PEM}, {"telemetry_hub_tls_key"}),
        ({"telemetry_hub_tls_key": Secret()}, {"telemetry_hub_tls_certificate"}),
        ({"telemetry_hub_tls_certificate": PEM, "telemetry_hub_tls_key": Secret()}, set()),
        ({"telemetry_hub_names": []}, {"telemetry_hub_names"}),
        (
            {"telemetry_hub_robots": ["rover", "reader"]},
            {"telemetry_hub_reader_username"},
        ),
        (
            {"telemetry_hub_notifier_url": "https://alerts:9093", "telemetry_hub_notifier_username": "hub"},
            {"telemetry_hub_notifier_password"},
        ),
        (
            {"telemetry_hub_notifier_username": "hub", "telemetry_hub_notifier_password": Secret()},
            {"telemetry_hub_notifier_url"},
        ),
    ],
)
def test_what_would_leave_somebody_out_is_refused(written: dict[str, Any], blamed: set[str]) -> None:
    assert variables(**written) == blamed


LOGIN = {"telemetry_hub_notifier_username": "hub", "telemetry_hub_notifier_password": Secret()}


@pytest.mark.parametrize(
    ("url", "written", "refused"),
    [
        ("http://alerts:9093", {}, ""),
        ("https://alerts:9093", LOGIN, ""),
        ("HTTPS://one:9093,https://two:9093/alerts", LOGIN, ""),
        ("https://one:9093, https://two:9093", LOGIN, "no spaces"),
        ("http://alerts:9093", LOGIN, "in the clear"),
        ("https://one:9093,http://two:9093", LOGIN, "in the clear"),
        ("alerts:9093", LOGIN, "begins with http://"),
        ("https://one:9093,two:9093", {}, "begins with http://"),
        ("http://alerts:9093", {**LOGIN, "telemetry_hub_notifier_plain_http": "yes"}, "in the clear"),
        ("http://alerts:9093", {**LOGIN, "telemetry_hub_notifier_plain_http": True}, ""),
        ("http://hub:hunter2@alerts:9093", {}, "command line"),
        ("https://hub:hunter2@alerts:9093", {}, "command line"),
        ("https://one:9093,//hub:hunt/er2@two:9093", {}, "command line"),
        ("https://hub:hunter2@alerts:9093", {"telemetry_hub_notifier_plain_http": True}, "command line"),
        (Secret(), {}, "command line"),
    ],
)
def test_a_password_for_alerts_travels_in_files_and_in_tls_alone(
    url: Any, written: dict[str, Any], refused: str
) -> None:
    found = [one for one in faults(telemetry_hub_notifier_url=url, **written) if one.variable.endswith("_url")]
    assert [refused in one.why for one in found] == ([True] if refused else [])
    assert "er2" not in report(found, 1, "host")


def test_no_secret_is_shown() -> None:
    found = faults(telemetry_hub_reader_password=12345678, telemetry_hub_tls_key="KEY-TEXT")
    assert found
    assert not [word for word in ("12345678", "KEY-TEXT") if word in report(found, 1, "host")]


@pytest.mark.parametrize(("days", "own", "refused"), [(61, "", False), (60, "", True), (30, PEM, False)])
def test_a_certificate_is_not_renewed_for_ever(days: int, own: str, refused: bool) -> None:
    given_ = {"telemetry_hub_tls_certificate": own, "telemetry_hub_tls_key": Secret()} if own else {}
    blamed = variables(telemetry_hub_certificate_days=days, **given_)
    assert blamed == ({"telemetry_hub_certificate_renew_days"} if refused else set())


def test_a_hub_without_its_sensor_service_would_know_nothing_of_itself() -> None:
    assert variables(sensor_service_enabled=False) == {"sensor_service_enabled"}
    off = {"sensor_service_enabled": False, "telemetry_hub_victoriametrics_enabled": False}
    assert "sensor_service_enabled" not in variables(**off)


@pytest.mark.parametrize("port", [8428, 8426, 8425, 8880, 9101])
def test_the_entry_point_takes_no_port_of_the_hubs_own(port: int) -> None:
    (found,) = faults(telemetry_hub_listen_address=f"0.0.0.0:{port}")
    assert (found.variable, found.value) == ("telemetry_hub_listen_address", f'"0.0.0.0:{port}"')
    assert f"has port {port} already" in found.why


def test_a_port_of_the_hubs_own_is_not_the_sensor_services() -> None:
    (found,) = faults(sensor_service_listen_address="127.0.0.1:8428")
    assert found.variable == "sensor_service_listen_address"
    assert "telemetry_hub_victoriametrics has port 8428 already" in found.why


def test_a_hub_that_leaves_needs_no_sum() -> None:
    assert faults(robot_stack_state="absent", robot_stack_memory_budget_mib=300) == []


@given(
    name=st.sampled_from(sorted(name for name in catalogue().options if name.startswith("telemetry_hub_"))),
    value=st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.lists(st.integers(), max_size=2)),
)
@example(name="telemetry_hub_robots", value=5)
def test_any_value_gets_an_answer_and_never_an_exception(name: str, value: Any) -> None:
    report(faults(**{name: value}), 1, "host")


SENDERS = {"telemetry_hub_robots": ["rover", "scout"], "telemetry_hub_series_per_robot": 100}


@pytest.mark.parametrize(
    ("written", "blamed", "words"),
    [
        ({}, set(), ""),
        ({"telemetry_hub_series_share": 400}, set(), ""),
        (
            {"telemetry_hub_series_share": 401},
            {"telemetry_hub_series_share"},
            "802 series together, and the hub has 1000",
        ),
        ({"telemetry_hub_series_share": -1}, {"telemetry_hub_series_share"}, ""),
        ({"telemetry_hub_series_shares": {"rover": 500}}, set(), ""),
        ({"telemetry_hub_series_shares": {"rover": 501}}, {"telemetry_hub_series_shares"}, "takes 1800 in an hour"),
        ({"telemetry_hub_series_shares": {"gone": 9}, "telemetry_hub_leaving": ["gone"]}, set(), ""),
        ({"telemetry_hub_series_shares": {"rovre": 5}}, {"telemetry_hub_series_shares"}, "'rovre' is no robot"),
        ({"telemetry_hub_series_shares": {"rover": "5"}}, {"telemetry_hub_series_shares"}, "is no number of series"),
        (
            {"telemetry_hub_victoriametrics_flags_extra": {"storage.maxHourlySeries": 1599}},
            {"telemetry_hub_series_share"},
            "takes 1599 in an hour",
        ),
    ],
)
def test_what_robots_may_bring_fits_and_the_hubs_own_beside_it(
    written: dict[str, Any], blamed: set[str], words: str
) -> None:
    found = faults(**SENDERS, **written)
    assert {one.variable for one in found} == blamed
    assert all(words in one.why for one in found)


BACKUP = {"telemetry_hub_backup_enabled": True, "telemetry_hub_backup_destination": "fs:///srv/backups/hub"}


def test_a_backup_counts_in_the_budget_whenever_it_is_on() -> None:
    (found,) = faults(**BACKUP)
    assert (found.variable, "at least 640" in found.remedy) == ("robot_stack_memory_budget_mib", True)
    assert faults(robot_stack_memory_budget_mib=640, **BACKUP) == []


@pytest.mark.parametrize(
    ("written", "variable"),
    [
        ({"telemetry_hub_backup_destination": ""}, "telemetry_hub_backup_destination"),
        ({"telemetry_hub_backup_destination": "/srv/backups"}, "telemetry_hub_backup_destination"),
        ({"telemetry_hub_backup_destination": "fs:///"}, "telemetry_hub_backup_destination"),
        ({"telemetry_hub_backup_destination": "fs:///srv/../etc"}, "telemetry_hub_backup_destination"),
        ({"telemetry_hub_backup_destination": "s3://bucket"}, "telemetry_hub_backup_destination"),
        ({"telemetry_hub_backup_destination": "fs:///var/lib/robot-stack/b"}, "telemetry_hub_backup_destination"),
        ({"telemetry_hub_backup_destination": "fs:///var/lib"}, "telemetry_hub_backup_destination"),
        ({"telemetry_hub_backup_calendar": "daily; reboot"}, "telemetry_hub_backup_calendar"),
        ({"telemetry_hub_backup_s3_access_key": "AKIA"}, "telemetry_hub_backup_s3_secret_key"),
        ({"telemetry_hub_backup_s3_endpoint": "https://user:secret@storage"}, "telemetry_hub_backup_s3_endpoint"),
        ({"telemetry_hub_victoriametrics_enabled": False}, "telemetry_hub_backup_enabled"),
        ({"telemetry_hub_backup_delay_seconds": -1}, "telemetry_hub_backup_delay_seconds"),
    ],
)
def test_a_backup_that_cannot_work_is_refused(written: dict[str, Any], variable: str) -> None:
    assert variables(robot_stack_memory_budget_mib=700, **{**BACKUP, **written}) == {variable}


def test_a_bucket_is_a_destination_too() -> None:
    bucket = {"telemetry_hub_backup_destination": "s3://bucket/fleet/"}
    assert faults(robot_stack_memory_budget_mib=640, **{**BACKUP, **bucket}) == []
