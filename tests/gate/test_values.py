"""A value that cannot work is refused before any robot is contacted, with a remedy that does work."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate import bounds, gate, values
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.declaration import Option, Secret
from declarations import catalogue, robot
from hypothesis import given
from hypothesis import strategies as st

LIMIT = "victoriametrics_memory_limit_mib"
NUMBERS = sorted(option.name for option in catalogue().options.values() if option.type == "int")
ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.lists(st.text(), max_size=3),
    st.dictionaries(st.text(), st.integers(), max_size=3),
)


def test_the_defaults_pass() -> None:
    assert gate.check(robot(), catalogue()) == []


@pytest.mark.parametrize(
    ("value", "why", "remedy"),
    [
        ("50M", "it is a text in quotes, not a whole number", "write a whole number of MiB, without unit and quotes"),
        ("50MiB", "it is a text in quotes, not a whole number", f"without unit and quotes: {LIMIT}: 50 "),
        (50.5, "it is a number, not a whole number", "write a whole number of MiB, without unit and quotes"),
        (True, "it is true or false, not a whole number", "write a whole number of MiB"),
        (-50, "it is negative", "write a number of at least 6"),
        (0, "it is zero", "write a number of at least 6"),
        (None, "it is empty", "delete the line to get the role's default"),
        ([50], "it is a list, not a whole number", "write a whole number of MiB"),
    ],
)
def test_a_limit_that_is_no_number_of_mib_is_refused_with_a_remedy(value: Any, why: str, remedy: str) -> None:
    (found,) = gate.check(robot(**{LIMIT: value}), catalogue())
    assert (found.robot, found.variable, found.why) == ("scout", LIMIT, why)
    assert remedy in found.remedy


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("sensor_service_enabled", "yes"),
        ("robot_stack_architecture", "x86_64"),
        ("victoriametrics_retention", "30"),
        ("victoriametrics_retention", 30),
        ("victoriametrics_scrape_interval", "15"),
        ("victoriametrics_listen_address", "8428"),
        ("victoriametrics_version", "v1 148"),
        ("robot_stack_root", "var/lib/robot-stack"),
        ("sensor_service_filesystems", ["/", "data"]),
        ("sensor_service_filesystems", "/"),
        ("sensor_service_cpu_limit", 0),
        ("victoriametrics_flags_extra", ["-search.maxQueryDuration=10s"]),
    ],
)
def test_a_value_of_the_wrong_form_is_refused(variable: str, value: Any) -> None:
    assert variable in {found.variable for found in gate.check(robot(**{variable: value}), catalogue())}


def test_a_reserve_of_zero_is_a_choice() -> None:
    assert gate.check(robot(robot_stack_memory_reserve_mib=0), catalogue()) == []


def test_an_encrypted_value_needs_no_password_here() -> None:
    assert values.object_to(catalogue().options["victoriametrics_http_password"], Secret()) is None


def test_a_secret_of_the_wrong_type_is_not_shown() -> None:
    (found,) = values.check(robot(victoriametrics_http_password=31415926), catalogue())
    assert "31415926" not in found.value + found.why


@given(name=st.sampled_from(NUMBERS), value=st.integers())
def test_a_whole_number_passes_alone_exactly_within_its_bounds(name: str, value: int) -> None:
    option = catalogue().options[name]
    least, most = bounds.of_number(name)
    assert (values.object_to(option, value) is None) == (least <= value <= most)


@given(name=st.sampled_from(sorted(catalogue().options)), value=ANYTHING)
def test_any_value_gets_an_answer_and_never_an_exception(name: str, value: Any) -> None:
    for found in gate.check(robot(**{name: value}), catalogue()):
        assert found.why
        assert found.remedy


@given(value=st.text())
def test_a_text_is_never_a_number(value: str) -> None:
    assert values.object_to(Option(LIMIT, "victoriametrics", "int"), value) is not None
