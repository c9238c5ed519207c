"""A password that a program takes for none, or for another one, is refused wherever it stands, and is never shown."""

from __future__ import annotations

import datetime
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
OPEN: dict[str, Any] = {
    "victoriametrics_listen_address": "0.0.0.0:8428",
    "victoriametrics_plain_http": True,
    "victoriametrics_http_username": "ops",
}
PUSH: dict[str, Any] = {"robot_stack_telemetry_mode": "push", "vmagent_hub_url": "https://hub:8427"}
PASSWORD, ROBOTS = "victoriametrics_http_password", "telemetry_hub_robot_passwords"
BLANK = [" ", "\u00a0", "   ", "\u2003", "\u3000 "]
# read from a file whose end is cut off, which a program does, and the stack where it asks that program
CUT = {
    "victoriametrics_http_password": OPEN,
    "vmagent_hub_password": PUSH,
    "telemetry_hub_notifier_password": {
        **HUB,
        "telemetry_hub_notifier_url": "https://alerts:9093",
        "telemetry_hub_notifier_username": "hub",
    },
}


def faults(**written: Any) -> list[Fault]:
    return gate.check(robot(**written), catalogue())


def refused(variable: str, value: Any, **more: Any) -> Fault:
    found = [one for one in faults(**{**more, variable: value}) if one.variable == variable]
    assert found, "it passes"
    assert found[0].value == ("(empty)" if value in (None, "") else "(secret)")
    return found[0]


@pytest.mark.parametrize("text", BLANK)
def test_one_that_is_blank_opens_nothing(text: str) -> None:
    for value in (text, Secret(text)):
        assert "it is blank" in refused(PASSWORD, value, **OPEN).why
        assert "it is blank" in refused("telemetry_hub_reader_password", value, **HUB).why
        assert "it is blank" in refused("robot_stack_registry_password", value).why


@pytest.mark.parametrize("text", ["hunter2 ", "hunter2\u00a0", "hunter2\u2028"])
@pytest.mark.parametrize("variable", [*CUT, "telemetry_hub_database_password"])
def test_one_whose_end_a_program_cuts_off_is_another_one(variable: str, text: str) -> None:
    for value in (text, Secret(text)):
        found = refused(variable, value, **CUT.get(variable, HUB))
        assert "it ends in white space, which the program cuts off" in found.why
        assert "hunter2" not in report([found], 1)


@pytest.mark.parametrize("text", ["\n", "\r\n", " \n"])
def test_in_the_vault_a_line_break_alone_is_no_password(text: str) -> None:
    """As `echo $UNSET | ansible-vault encrypt_string` makes it."""
    assert "it is blank" in refused(PASSWORD, Secret(text), **OPEN).why


@pytest.mark.parametrize("text", ["", Secret("")])
def test_an_empty_one_is_none(text: Any) -> None:
    assert {one.variable for one in faults(**OPEN, **{PASSWORD: text})} == {"victoriametrics_listen_address"}
    assert {one.variable for one in faults(**PUSH, vmagent_hub_password=text)} == {"vmagent_hub_password"}


@pytest.mark.parametrize("variable", CUT)
@pytest.mark.parametrize("text", ["hunter2\n", "a b", " x", "pässword", "%{x}", "a:b", "'\"\\", "🤖", "0", "x\u200b"])
def test_one_that_works_is_taken_out_of_the_vault(variable: str, text: str) -> None:
    """`echo ... | ansible-vault encrypt_string` leaves a line break at its end, which everybody cuts off."""
    assert faults(**CUT[variable], **{variable: Secret(text)}) == []
    if "\n" not in text:
        assert faults(**CUT[variable], **{variable: text}) == []


@pytest.mark.parametrize("text", ["a b ", " ab ", "ab\u00a0"])
def test_a_blank_at_the_end_counts_where_no_program_cuts_it_off(text: str) -> None:
    assert faults(**HUB, telemetry_hub_reader_password=text) == []
    assert faults(robot_stack_registry_username="fleet", robot_stack_registry_password=text) == []
    assert "control characters" in refused("telemetry_hub_reader_password", Secret("hunter2\n"), **HUB).why


def test_one_that_nobody_can_decrypt_here_is_judged_by_nobody() -> None:
    assert faults(**OPEN, **{PASSWORD: Secret()}) == []


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("", "of scout-01: it is empty"),
        (None, "of scout-01: it is empty"),
        (" ", "of scout-01: it is blank"),
        ("hunter2 ", "of scout-01: it ends in white space"),
        ("hun\nter2", "of scout-01: it is not one line"),
        (12_34, "of scout-01: it is a whole number, not a text"),
        (1.5, "of scout-01: it is a number, not a text"),
        (True, "of scout-01: it is true or false, not a text"),
        (["hunter2"], "of scout-01: it is a list, not a text"),
        ({"password": "hunter2"}, "of scout-01: it is a mapping, not a text"),
        (datetime.date(2024, 1, 1), "of scout-01: it is date, not a text"),
    ],
)
def test_a_robot_whose_password_is_none_is_named(password: Any, words: str) -> None:
    """The hub's entry point takes an empty one for what it is, and lets anybody write as that robot."""
    (found,) = faults(**HUB, **{ROBOTS: {"scout-02": "right", "scout-01": password}})
    assert (found.variable, found.value) == (ROBOTS, "(secret)")
    assert found.why.startswith(words)
    assert not [told for told in ("hunter2", "1234", "2024", "right") if told in report([found], 1)]


def test_every_robot_whose_password_is_none_is_named_at_once() -> None:
    found = faults(**HUB, **{ROBOTS: {"a": "", "b": "right", "c": yaml.safe_load("11:22:33"), "d": " "}})
    assert [one.why.partition(":")[0] for one in found] == ["of a", "of c", "of d"]
    assert "write it in quotes" in found[1].remedy


@pytest.mark.parametrize("written", [{}, {"scout-01": "a b"}, {"scout-01": "0", "Scout_2.x": "ü%{x}"}, Secret()])
def test_robots_passwords_that_work_are_taken(written: Any) -> None:
    assert faults(**HUB, **{ROBOTS: written}) == []
