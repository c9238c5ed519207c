"""The pages of VMUI ask for series that the sensor service has."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.plugin_utils.services.files import rendered
from declarations import PROJECT
from rendering import value

DASHBOARDS = sorted(PROJECT.glob("roles/victoriametrics/files/dashboards/*.json"))
SOURCE = PROJECT / "files" / "sensor_service" / "src" / "sensor_service"
# what the watchdog leaves for the sensor service to pass on
WATCHDOG = PROJECT / "plugins" / "module_utils" / "robot_stack" / "watchdog" / "metrics.py"
NAME = re.compile(r"\b(?:node|sensor|container|process|robot_stack)_\w+")
PATTERN = re.compile(r'__name__=~\\?"([^"\\]+)')
HISTOGRAM_ENDINGS = re.compile(r"_(bucket|sum|count)$")
HUB_DASHBOARDS = sorted(PROJECT.glob("roles/telemetry_hub/files/dashboards/*.json"))
# what the hub's rules record, what VictoriaMetrics makes of a scrape or an alert, and its programs' own
OTHERS = re.compile(r"\b(?:robot_stack:\w+|up|ALERTS|vm(?:auth|agent)?_\w+)\b")
every_dashboard = pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.name)


def panels(path: Path) -> list[dict[str, Any]]:
    return [panel for row in json.loads(path.read_text(encoding="utf-8"))["rows"] for panel in row["panels"]]


def produced() -> set[str]:
    """Return every metric that the service's code names."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in [*sorted(SOURCE.rglob("*.py")), WATCHDOG])
    names = set(re.findall(r'"((?:node|sensor|container|process|robot_stack)_\w+)"', text))
    for stem in re.findall(r'f"(node_\w*)\{', text):  # names made of a stem and a field of a kernel's table
        names.add(stem)
    return names


def is_produced(name: str) -> bool:
    name = HISTOGRAM_ENDINGS.sub("", name)
    return any(name == known or (known.endswith("_") and name.startswith(known)) for known in produced())


def test_there_are_dashboards() -> None:
    assert {path.name for path in DASHBOARDS} == {"robot.json", "memory.json"}


@pytest.mark.parametrize("path", [*DASHBOARDS, *HUB_DASHBOARDS], ids=lambda path: path.name)
def test_a_dashboard_has_what_vmui_reads(path: Path) -> None:
    assert json.loads(path.read_text(encoding="utf-8"))["title"]
    assert panels(path)
    for panel in panels(path):
        assert panel["title"]
        assert panel["expr"]
        assert all(isinstance(query, str) for query in panel["expr"])
        assert 1 <= panel["width"] <= 12


@every_dashboard
def test_every_series_of_a_dashboard_is_one_that_the_sensor_service_has(path: Path) -> None:
    for panel in panels(path):
        for query in panel["expr"]:
            pattern = PATTERN.search(query)
            if pattern:
                assert any(re.fullmatch(pattern.group(1), name) for name in produced()), query
                continue
            names = NAME.findall(re.sub(r"\{[^}]*\}", "", query))
            assert names, query
            assert [name for name in names if not is_produced(name)] == [], query


def test_there_are_pages_of_the_fleet() -> None:
    assert {path.name for path in HUB_DASHBOARDS} == {"fleet.json", "robot.json", "sensors.json"}


@pytest.mark.parametrize("path", HUB_DASHBOARDS, ids=lambda path: path.name)
def test_a_page_of_the_hub_asks_for_series_that_there_are(path: Path) -> None:
    for query in (query for panel in panels(path) for query in panel["expr"]):
        bare = re.sub(r"\{[^}]*\}", "", query)
        names = NAME.findall(bare)
        assert names or OTHERS.search(bare) or PATTERN.search(query), query
        assert [name for name in names if not is_produced(name)] == [], query


@pytest.mark.parametrize("pair", [[], ["hub-1", "hub-2"]])
def test_the_fleets_page_takes_no_user_of_the_hubs_own_for_a_silent_robot(pair: list[str]) -> None:
    (page,) = [one for one in value("telemetry_hub_pages", telemetry_hub_pair=pair) if "fleet" in one["path"]]
    (made,) = rendered([dict(page)], [PROJECT / "roles"], str)
    (silent,) = [
        panel["expr"][0]
        for row in json.loads(made["content"])["rows"]
        for panel in row["panels"]
        if panel["title"] == "Silent robots"
    ]
    assert re.findall(r'username!="([^"]+)"', silent) == ["reader", "hub"]


def test_no_page_of_the_hub_tells_old_kills_as_new() -> None:
    """See the test of the rules with the same subject."""
    queries = [query for path in HUB_DASHBOARDS for panel in panels(path) for query in panel["expr"]]
    assert not [query for query in queries if "increase(robot_stack" in query or "increase(node" in query]
    assert any("(service|engine|stack)_verdict" in query for query in queries), "a service is never over the budget"


def test_the_page_of_one_robot_asks_for_no_other() -> None:
    (page,) = [path for path in HUB_DASHBOARDS if path.name == "robot.json"]
    for query in (query for panel in panels(page) for query in panel["expr"]):
        assert query.count("{") == len(re.findall(r'(?:robot|username)="ROBOT"', query)), query


def test_the_sensors_page_shows_every_simulated_sensor() -> None:
    text = (SOURCE / "collectors" / "simulated.py").read_text(encoding="utf-8")
    assert set(re.findall(r"out\.add\((\w+)", text)) == {
        "ZONE_TEMPERATURE", "CAPACITY", "VOLTAGE", "CURRENT", "DISTANCE",
    }  # fmt: skip
    (page,) = [path for path in DASHBOARDS if path.name == "robot.json"]
    queries = " ".join(query for panel in panels(page) for query in panel["expr"])
    for name in ("thermal_zone_temp", "capacity", "voltage_volt", "current_ampere", "sensor_iio_"):
        assert name in queries
