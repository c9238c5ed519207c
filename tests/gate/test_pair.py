"""Two hosts of a hub are judged together, and so is what robots know of them."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.robotfleet.stack.plugins.filter.hub_entry_point import entry_point
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate import gate, pair
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.declaration import Fault, Robot, Secret
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.report import report
from declarations import PROJECT, catalogue, robot

OWN = yaml.safe_load((PROJECT / "roles/telemetry_hub/vars/main.yml").read_text(encoding="utf-8"))
SERVICES = ["sensor_service", *OWN["telemetry_hub_components"]]
PUSH: dict[str, Any] = {"robot_stack_telemetry_mode": "push", "vmagent_hub_password": "x"}
BOTH = ["https://north:8427", "https://south:8427"]
GROUP = {"telemetry_hub": ["north", "south"]}


def hub(name: str, **written: Any) -> Robot:
    names = {"telemetry_hub_names": [name], "robot_stack_memory_budget_mib": 600}
    return robot(name, robot_stack_services=SERVICES, **{**names, **written})


def of_pair(first: dict[str, Any], second: dict[str, Any]) -> list[Fault]:
    hubs = [hub("north", **first), hub("south", **second)]
    assert [found for one in hubs for found in gate.check(one, catalogue())] == [], "each of them alone is right"
    return pair.check(hubs)


def sender(**written: Any) -> Robot:
    return robot(**{**PUSH, **written})


def test_two_hosts_are_a_pair_and_one_is_judged_alone() -> None:
    assert of_pair({}, {}) == []
    assert pair.check([hub("north")]) == pair.check([]) == []


def test_hosts_may_differ_in_what_is_their_own() -> None:
    own = {
        "telemetry_hub_version": "v1.149.0",
        "telemetry_hub_victoriametrics_memory_limit_mib": 320,
        "robot_stack_memory_budget_mib": 700,
        "telemetry_hub_listen_address": "10.0.0.4:9443",
        "telemetry_hub_other_first": True,
    }
    assert of_pair({}, own) == []


def test_two_hosts_with_one_address_are_refused() -> None:
    alias = {"telemetry_hub_names": ["Hub.example.org.", "north"]}
    (found,) = of_pair({"telemetry_hub_names": ["hub.example.org"]}, alias)
    assert (found.robot, found.variable, found.value) == ("south", "telemetry_hub_names", "hub.example.org:8427")
    assert "twice" in found.why
    another_port = {**alias, "telemetry_hub_listen_address": "0.0.0.0:9000"}
    assert of_pair({"telemetry_hub_names": ["hub.example.org"]}, another_port) == []
    shared = {"telemetry_hub_names": ["south", "hub.example.org"]}
    assert of_pair({"telemetry_hub_names": ["north", "hub.example.org"]}, shared) == [], "a name of both may be there"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("telemetry_hub_reader_username", "operator"),
        ("telemetry_hub_retention", "30d"),
        ("telemetry_hub_series_per_robot", 2000),
        ("telemetry_hub_alert_hot_celsius", 70),
        ("telemetry_hub_notifier_url", "https://alerts"),
        ("telemetry_hub_secrets_directory", "/elsewhere"),
    ],
)
def test_what_decides_over_an_answer_is_the_same_on_both(variable: str, value: Any) -> None:
    (found,) = of_pair({}, {variable: value})
    assert (found.robot, found.variable) == ("south", variable)
    assert "write it once" in found.remedy


def test_passwords_are_the_same_on_both_and_are_not_shown() -> None:
    found = of_pair(
        {"telemetry_hub_reader_password": "hunter1"},
        {"telemetry_hub_reader_password": "hunter2", "telemetry_hub_database_password": "hunter3"},
    )
    assert {one.variable for one in found} == {"telemetry_hub_reader_password", "telemetry_hub_database_password"}
    assert "hunter" not in report(found, 2, "host")
    vaulted = {"telemetry_hub_reader_password": Secret()}
    assert of_pair(vaulted, vaulted) == [], "what is in the vault is not compared"


def test_nobody_else_bears_the_name_of_the_other_entry_point() -> None:
    assert OWN["telemetry_hub_database_username"] == pair.OTHER_HOST
    robots = {"telemetry_hub_robots": ["hub", "scout"]}
    assert {one.variable for one in of_pair(robots, robots)} == {"telemetry_hub_robots"}
    reader = {"telemetry_hub_reader_username": "hub"}
    assert {one.variable for one in of_pair(reader, reader)} == {"telemetry_hub_reader_username"}
    assert pair.check([hub("north", **robots)]) == [], "one host has no other entry point"


def test_a_robot_that_sends_to_a_pair_can_be_declared() -> None:
    found = sender(vmagent_hub_urls=BOTH)
    assert gate.check(found, catalogue()) == []
    assert pair.known([found], GROUP) == []
    assert gate.check(sender(vmagent_hub_url=BOTH[0], vmagent_hub_urls=BOTH), catalogue()) == []


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ({"vmagent_hub_urls": [BOTH[0], "https://north:8427/"]}, "stands twice"),
        ({"vmagent_hub_urls": [BOTH[0], "HTTPS://North:8427"]}, "not the address of a hub alone|stands twice"),
        ({"vmagent_hub_urls": ["https://north", "https://north:443"]}, "stands twice"),
        (
            {"vmagent_hub_urls": [*BOTH, "https://third:8427"]},
            "these are 3: also of a cluster a robot sends to two hosts",
        ),
        ({"vmagent_hub_urls": [BOTH[0], "http://south:8427"]}, "in the clear"),
        ({"vmagent_hub_urls": [BOTH[0], "https://south:8427/api/v1/write"]}, "no path"),
    ],
)
def test_two_addresses_that_are_no_pair_are_refused(written: dict[str, Any], words: str) -> None:
    found = gate.check(sender(**written), catalogue())
    assert {one.variable for one in found} == {"vmagent_hub_urls"}
    assert any(word in one.why for word in words.split("|") for one in found)


def test_an_address_that_nothing_is_sent_to_is_refused() -> None:
    (found,) = gate.check(sender(vmagent_hub_url="https://third:8427", vmagent_hub_urls=BOTH), catalogue())
    assert (found.variable, found.remedy) == ("vmagent_hub_url", "delete the line")


def test_a_password_in_one_of_two_addresses_is_not_shown() -> None:
    found = gate.check(sender(vmagent_hub_urls=[BOTH[0], "https://scout:hunter2@south:8427"]), catalogue())
    assert [one.variable for one in found] == ["vmagent_hub_urls"]
    assert "hunter2" not in report(found, 1)
    thrice = gate.check(sender(vmagent_hub_urls=[*BOTH, "https://scout:hunter2@south:8427"]), catalogue())
    assert "hunter2" not in report([*thrice, *pair.known([sender(vmagent_hub_urls=BOTH[:1])], GROUP)], 1)


@pytest.mark.parametrize(
    ("written", "hosts", "variable"),
    [
        ({"vmagent_hub_url": BOTH[0]}, ["north", "south"], "vmagent_hub_url"),
        ({"vmagent_hub_urls": BOTH[:1]}, ["north", "south"], "vmagent_hub_urls"),
        ({"vmagent_hub_urls": BOTH}, ["north"], "vmagent_hub_urls"),
        ({"vmagent_hub_urls": BOTH[::-1]}, ["north", "south"], "vmagent_hub_urls"),
        # names of their own cannot be compared, and a hub of another inventory is none of ours
        ({"vmagent_hub_urls": ["https://a.example.org:8427", "https://b.example.org:8427"]}, ["north", "south"], ""),
        ({"vmagent_hub_url": "https://a.example.org:8427"}, ["north"], ""),
        ({"vmagent_hub_urls": BOTH}, [], ""),
    ],
)
def test_robots_send_to_each_host_of_the_group_in_its_order(
    written: dict[str, Any], hosts: list[str], variable: str
) -> None:
    found = pair.known([sender(**written)], {"telemetry_hub": hosts})
    assert [one.variable for one in found] == ([variable] if variable else [])
    for one in found:
        assert f"write vmagent_hub_urls with the addresses of {' and '.join(hosts)}" in one.remedy


def test_who_sends_nothing_or_leaves_need_not_know_them() -> None:
    assert pair.known([robot(), hub("north"), sender(robot_stack_state="absent", vmagent_hub_url=BOTH[0])], GROUP) == []


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ({}, "https://north:8427"),
        ({"telemetry_hub_names": ["hub-1.example.org", "north"]}, "https://hub-1.example.org:8427"),
        ({"telemetry_hub_names": []}, "https://north:8427"),
        ({"telemetry_hub_names": ["fd00::1"], "telemetry_hub_listen_address": "[::]:443"}, "https://[fd00::1]:443"),
    ],
)
def test_an_entry_point_is_reached_by_its_hosts_first_name(written: dict[str, Any], address: str) -> None:
    assert entry_point({"inventory_hostname": "north", **written}) == address
