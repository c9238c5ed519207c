"""No label of an inventory takes the place of one by which the stack's own series are told apart."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate import gate, scraping
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.declaration import Fault
from declarations import PROJECT, catalogue, robot
from rendering import rendered_template

PUSH = {
    "robot_stack_telemetry_mode": "push",
    "vmagent_hub_url": "https://hub.example.org:8427",
    "vmagent_hub_password": "x",
}
PAGES = sorted(PROJECT.glob("roles/*/files/dashboards/*.json"))
VERDICTS = PROJECT / "roles/robot_stack/files/rules/memory_budget.yml"
ALERTS = PROJECT / "roles/telemetry_hub/templates/fleet_rules.yml.j2"
PAIR = {"telemetry_hub_pair": ["north", "south"], "telemetry_hub_backup_enabled": True}
COLLECTORS = PROJECT / "files/sensor_service/src/sensor_service"
MATCHED = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)\s*[\"']")
GROUPED = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([\w\s,]*)\)")
SHOWN = re.compile(r"\$labels\.(\w+)|\{\{(\w+)\}\}")
# Of series that robots do not have, or whose label no robot's can have: what is told of the hub, and alerts.
OF_THE_HUB_ALONE = {"alertname", "alertstate", "database", "reason", "username"}
NO_LABELS = {"__name__"}
# They say more of a series that others tell apart.
ONLY_DESCRIBE = {"chip_name", "fstype", "label", "simulated", "version"}


def faults(reader: str, labels: dict[Any, Any]) -> list[Fault]:
    mode = PUSH if reader == "vmagent" else {}
    return gate.check(robot(**mode, **{f"{reader}_external_labels": labels}), catalogue())


def expressions(found: Any) -> Iterator[str]:
    """Return the queries and names of a page."""
    if isinstance(found, dict):
        for name, value in found.items():
            yield from value if name in ("expr", "alias") else expressions(value)
    elif isinstance(found, list):
        for one in found:
            yield from expressions(one)


def named(text: str) -> set[str]:
    """Return the labels that queries name."""
    words = {word for group in GROUPED.findall(text) for word in re.split(r"[\s,]+", group)}
    return (words | set(MATCHED.findall(text)) | {word for found in SHOWN.findall(text) for word in found}) - {""}


def of_collectors() -> set[str]:
    """Return the labels that the sensor service gives its series."""
    found: set[str] = set()
    for path in COLLECTORS.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = node.func if isinstance(node, ast.Call) else None
            if isinstance(node, ast.Call) and isinstance(called, ast.Attribute) and called.attr in ("add", "read"):
                found |= {keyword.arg for keyword in node.keywords if keyword.arg}
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
                name = node.targets[0].id if isinstance(node.targets[0], ast.Name) else ""
                keys = node.value.keys if name in ("labels", "place") else []
                found |= {str(key.value) for key in keys if isinstance(key, ast.Constant)}
    return found


@pytest.mark.parametrize(
    ("reader", "label"),
    [
        *(
            ("vmagent", label)
            for label in ("service", "job", "instance", "mountpoint", "chip", "device", "power_supply")
        ),
        *(("vmagent", label) for label in ("url", "zone", "le", "path")),
        *(("victoriametrics", label) for label in ("service", "job", "instance", "le")),
    ],
)
def test_a_label_that_tells_the_stacks_series_apart_is_the_stacks_own(reader: str, label: str) -> None:
    (found,) = faults(reader, {label: "navigation"})
    assert (found.variable, found.value) == (f"{reader}_external_labels", f'{{"{label}": "navigation"}}')
    assert f"the label {label} is the stack's own" in found.why
    assert found.remedy == "give yours another name"


@pytest.mark.parametrize("label", ["device", "zone", "type"])
def test_what_keeps_another_name_beside_it_is_a_choice(label: str) -> None:
    assert faults("victoriametrics", {label: "x"}) == []


@pytest.mark.parametrize("label", ["hub", "through_door"])
def test_a_label_that_the_hub_drops_is_not_given_in_vain(label: str) -> None:
    (found,) = faults("vmagent", {label: "north"})
    assert f"the hub drops the label {label}" in found.why
    assert faults("victoriametrics", {label: "north"}) == []
    relabel = (PROJECT / "roles/telemetry_hub/templates/relabel.yml.j2").read_text(encoding="utf-8")
    dropped = re.search(r"labeldrop\n.*\n  regex: (\S+)", relabel)
    assert dropped
    assert set(dropped[1].split("|")) == set(scraping.DROPPED)


@pytest.mark.parametrize("reader", ["victoriametrics", "vmagent"])
@pytest.mark.parametrize("label", ["fleet", "site", "hall", "model", "version", "database", "username", "Service"])
def test_any_other_label_is_a_choice(reader: str, label: str) -> None:
    assert faults(reader, {label: "x"}) == []


def test_every_label_of_our_pages_and_rules_is_held_or_none_of_a_robots() -> None:
    used = {label for page in PAGES for text in expressions(json.loads(page.read_text())) for label in named(text)}
    alerts = rendered_template(ALERTS, telemetry_hub_secrets_optional=True, **PAIR)
    used |= named(alerts) | named(VERDICTS.read_text(encoding="utf-8"))
    assert {"service", "mountpoint", "chip", "url", "le", "status"} <= used, "they are found"
    here = [page for page in PAGES if "victoriametrics" in page.parts]
    asked = {label for page in here for text in expressions(json.loads(page.read_text())) for label in named(text)}
    assert asked - NO_LABELS <= scraping.ASKED_FOR
    of_robots = used - OF_THE_HUB_ALONE - NO_LABELS - {"robot", "robot_groups", *scraping.DROPPED}
    assert of_robots - scraping.TELL_APART == set()


def test_every_label_of_the_sensor_service_is_held_or_only_describes() -> None:
    assert {"zone", "device", "collector"} <= of_collectors(), "they are found"
    assert of_collectors() - ONLY_DESCRIBE - scraping.TELL_APART == set()
    assert not ONLY_DESCRIBE & scraping.TELL_APART
