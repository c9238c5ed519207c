"""The arithmetic of a robot's memory, and who may reach what."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate import budget, exposure, floors, gate
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.exposure import _asked, is_loopback
from declarations import PROJECT, catalogue, robot
from hypothesis import given
from hypothesis import strategies as st

from tools import role_docs

ENGINE, SENSOR, DATABASE = (
    "container_engine_memory_allowance_mib",
    "sensor_service_memory_limit_mib",
    "victoriametrics_memory_limit_mib",
)
MIB = st.integers(min_value=1, max_value=100_000)


def variables(**written: Any) -> set[str]:
    return {found.variable for found in gate.check(robot(**written), catalogue())}


def test_limits_above_the_budget_are_refused_with_the_sum() -> None:
    (found,) = gate.check(robot(victoriametrics_memory_limit_mib=141), catalogue())
    assert found.variable == budget.BUDGET
    assert f"1 MiB too little for {ENGINE} 128 + {SENSOR} 32 + {DATABASE} 141 = 301 MiB" in found.why
    assert "at least 301" in found.remedy


def test_limits_equal_to_the_budget_pass() -> None:
    assert variables(victoriametrics_memory_limit_mib=140) == set()


@given(engine=MIB, sensor=MIB, database=MIB, ceiling=MIB)
def test_the_budget_is_refused_exactly_when_the_sum_exceeds_it(
    engine: int, sensor: int, database: int, ceiling: int
) -> None:
    declared = robot(**{ENGINE: engine, SENSOR: sensor, DATABASE: database, budget.BUDGET: ceiling})
    assert bool(budget.check(declared)) == (engine + sensor + database > ceiling)


@given(ceiling=MIB, reserve=st.integers(min_value=0, max_value=100_000), total=MIB)
def test_budget_and_reserve_must_fit_a_stated_ram(ceiling: int, reserve: int, total: int) -> None:
    declared = robot(
        **{budget.BUDGET: ceiling, budget.RESERVE: reserve, budget.TOTAL: total, ENGINE: 1, SENSOR: 1, DATABASE: 1}
    )
    refused = any("it makes" in found.why for found in budget.check(declared))
    assert refused == (ceiling + reserve > total)


def test_without_a_stated_ram_only_the_robot_is_asked() -> None:
    assert variables(robot_stack_memory_total_mib=0, robot_stack_memory_budget_mib=100_000) == set()


def test_a_service_that_is_off_spends_nothing() -> None:
    assert (
        variables(
            robot_stack_memory_budget_mib=160, victoriametrics_enabled=False, robot_stack_services=["sensor_service"]
        )
        == set()
    )
    assert variables(robot_stack_memory_budget_mib=160, robot_stack_services=["sensor_service"]) == set()


@pytest.mark.parametrize(
    ("variable", "value"), [(SENSOR, floors.SENSOR_SERVICE_MIB - 1), (DATABASE, floors.victoriametrics_mib(1000) - 1)]
)
def test_a_limit_in_which_the_service_was_not_seen_to_serve_is_refused(variable: str, value: int) -> None:
    assert variables(**{variable: value}) == {variable}


def test_fewer_series_need_less() -> None:
    limit = floors.victoriametrics_mib(500)
    assert limit < floors.victoriametrics_mib(1000)
    assert variables(victoriametrics_memory_limit_mib=limit, victoriametrics_expected_series=500) == set()
    assert variables(victoriametrics_memory_limit_mib=limit) == {DATABASE}


@given(series=st.integers(min_value=1, max_value=1_000_000), more=st.integers(min_value=0, max_value=100_000))
def test_the_floor_never_falls_when_series_are_added(series: int, more: int) -> None:
    assert floors.victoriametrics_mib(series + more) >= floors.victoriametrics_mib(series)


@pytest.mark.parametrize(("series", "mib"), floors.VICTORIAMETRICS)
def test_the_floor_is_what_was_measured(series: int, mib: int) -> None:
    assert floors.victoriametrics_mib(series) == mib


def test_a_robot_that_is_left_needs_no_sum_that_comes_out() -> None:
    assert variables(victoriametrics_memory_limit_mib=10, robot_stack_state="absent") == set()


@pytest.mark.parametrize("address", ["0.0.0.0:8428", ":8428", "[::]:8428", "192.0.2.7:8428", "scout.local:8428"])
def test_vmui_is_not_opened_to_a_network_without_a_password(address: str) -> None:
    assert variables(victoriametrics_listen_address=address) == {"victoriametrics_listen_address"}
    both = {"victoriametrics_http_username": "operator", "victoriametrics_http_password": "x"}
    assert variables(victoriametrics_listen_address=address, **both) == {"victoriametrics_listen_address"}
    accepted = {"victoriametrics_plain_http": True}
    assert variables(victoriametrics_listen_address=address, **accepted) == {"victoriametrics_listen_address"}
    assert variables(victoriametrics_listen_address=address, **both, **accepted) == set()


@pytest.mark.parametrize("address", ["0.0.0.0:9101", ":9101", "[::]:9101", "192.0.2.7:9101"])
def test_sensors_are_not_shown_to_a_network_unless_somebody_says_so(address: str) -> None:
    read = {"victoriametrics_scrape_targets": {"sensor_service": [_asked(address)]}}
    assert variables(sensor_service_listen_address=address, **read) == {"sensor_service_listen_address"}
    assert variables(sensor_service_listen_address=address, sensor_service_plain_http=True, **read) == set()


@pytest.mark.parametrize(
    ("address", "target"),
    [
        ("192.0.2.7:9101", "127.0.0.1:9101"),
        ("127.0.0.2:9101", "127.0.0.1:9101"),
        ("127.0.0.2:9101", "localhost:9101"),
        ("127.0.0.1:9101", "[::1]:9101"),
        ("[::1]:9101", "127.0.0.1:9101"),
        ("[::1]:9101", "localhost:9101"),
        ("[::]:9101", "127.0.0.1:9101"),
        ("0.0.0.0:9101", "[::1]:9101"),
        (":9101", "127.0.0.1:9102"),
    ],
)
def test_a_target_at_which_the_sensors_do_not_listen_is_refused_with_the_address(address: str, target: str) -> None:
    targets = {"sensor_service": [target]}
    told = gate.check(
        robot(
            sensor_service_listen_address=address,
            sensor_service_plain_http=True,
            victoriametrics_scrape_targets=targets,
        ),
        catalogue(),
    )
    assert [(found.variable, found.remedy) for found in told] == [
        (
            "victoriametrics_scrape_targets",
            f'write victoriametrics_scrape_targets: {{sensor_service: ["{_asked(address)}"]}}',
        )
    ]


@pytest.mark.parametrize(
    ("address", "target"),
    [
        ("127.0.0.1:9101", "localhost:9101"),
        ("0.0.0.0:9101", "127.0.0.5:9101"),
        (":9101", "localhost:9101"),
        (":9101", "192.0.2.7:9101"),
        ("192.0.2.7:9101", "scout.local:9101"),
        ("[2001:db8::7]:9101", "[2001:db8:0::7]:9101"),
        ("[::]:9101", "[2001:db8::7]:9101"),
    ],
)
def test_another_way_to_write_where_the_sensors_listen_is_taken(address: str, target: str) -> None:
    targets = {"sensor_service": [target]}
    listening = {"sensor_service_listen_address": address, "sensor_service_plain_http": True}
    assert variables(**listening, victoriametrics_scrape_targets=targets) == set()


@pytest.mark.parametrize("address", ["localhost:9101", "scout.local:9101", "[127.0.0.1]:9101"])
def test_a_name_that_the_sensor_service_would_not_look_up_is_refused(address: str) -> None:
    assert "sensor_service_listen_address" in variables(
        sensor_service_listen_address=address, sensor_service_plain_http=True
    )


@pytest.mark.parametrize("folder", ["", "/var/lib/node_exporter"])
def test_file_systems_whose_space_nobody_would_read_are_told(folder: str) -> None:
    assert variables(sensor_service_textfile_directory=folder) == {"sensor_service_filesystems"}
    assert variables(sensor_service_textfile_directory=folder, sensor_service_filesystems=[]) == set()


@pytest.mark.parametrize("service", ["victoriametrics", "sensor_service"])
def test_who_reads_of_an_open_address_reads_all_that_it_needs(service: str) -> None:
    name, accepted = f"{service}_listen_address", f"{service}_plain_http"
    opened = {name: ":8428", "victoriametrics_http_username": "operator", "victoriametrics_http_password": "x"}
    (found,) = exposure.check(robot(**opened))[:1]
    assert (found.variable, f"{accepted}: true" in found.remedy) == (name, True)
    assert name not in {found.variable for found in exposure.check(robot(**opened, **{accepted: True}))}
    described = role_docs.options(PROJECT / "roles" / service)[name]["description"]
    readme = (PROJECT / "README.md").read_text(encoding="utf-8").replace("`", "")
    (sentence,) = re.findall(rf"{name} opens it to a network.*", readme) or [described]
    assert (f"{accepted}: true" in described, f"{accepted}: true" in sentence) == (True, True)


@pytest.mark.parametrize("address", ["127.0.0.1:8428", "127.8.0.1:1", "localhost:8428", "[::1]:8428"])
def test_loopback_needs_no_password(address: str) -> None:
    assert is_loopback(address)
    assert not is_loopback("127.example.org:8428")
    assert variables(victoriametrics_listen_address=address) == set()


def test_a_user_name_alone_is_no_password() -> None:
    assert variables(victoriametrics_http_username="operator") == {"victoriametrics_http_password"}
    assert variables(victoriametrics_http_password="x") == {"victoriametrics_http_username"}


def test_a_sensor_service_that_nobody_reads_is_told() -> None:
    assert variables(sensor_service_listen_address="127.0.0.1:9200") == {"victoriametrics_scrape_targets"}
