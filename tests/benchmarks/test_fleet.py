"""The fleet that the hub is measured with: as many series as it says, each robot itself, and pages that find data."""

from __future__ import annotations

import re

import pytest

from benchmarks import fleet, hub_database, product

SERIES, START = 60, 1_700_000_000
LINE = re.compile(r"^([a-zA-Z_:][\w:]*\{[^{}]+\}) (\S+) (\d+)$")


def sent(number: int, turn: int) -> dict[str, tuple[str, str]]:
    known = fleet.scrapes(SERIES, 3, 4, START)
    lines = [LINE.match(line) for line in fleet.sent(known, number, turn, START).decode().splitlines()]
    assert all(lines)
    return {found[1]: (found[2], found[3]) for found in lines if found}


def test_a_robot_sends_as_many_series_as_it_is_said_to_have() -> None:
    assert len(sent(0, 0)) == SERIES


def test_every_sample_bears_its_robot_and_its_moment() -> None:
    samples = sent(2, 3)
    assert all('robot="robot-0002",robot_groups=",robots,"' in name for name in samples)
    assert {moment for _, moment in samples.values()} == {str((START + 45) * 1000)}
    assert all(float(value) is not None for value, _ in samples.values())


def test_robots_have_values_of_their_own() -> None:
    first, second = ({re.sub("robot-....", "", name): value for name, (value, _) in sent(n, 0).items()} for n in (0, 1))
    assert set(first) & set(second)
    assert first != second


@pytest.mark.parametrize("wanted", ["robot_stack:service_verdict", "node_load1", "load_temperature_celsius"])
def test_pages_are_asked_for_what_the_fleet_sends(wanted: str) -> None:
    assert any(query.needs_data and wanted in query.expr for query in fleet.queries())


def test_no_page_must_show_what_nobody_sends() -> None:
    for query in fleet.queries():
        assert "READER" not in query.expr
        assert "OTHERHOST" not in query.expr
        assert "ROBOT" not in query.expr
        if query.needs_data:
            assert "hub!=" not in query.expr
            assert "vmauth_" not in query.expr
            assert "ALERTS" not in query.expr


def test_what_is_measured_is_the_hubs_own_database() -> None:
    made = hub_database.program(7, 256, "127.0.0.1:1")
    deployed = product.service(
        "telemetry_hub_victoriametrics",
        telemetry_hub_robots=["a"] * 7,
        telemetry_hub_series_per_robot=hub_database.SERIES,
        telemetry_hub_secrets_optional=True,
        inventory_dir="/nowhere",
    )
    differing = set(made.spec["command"]) ^ set(deployed["command"])
    assert {word.partition("=")[0].lstrip("-") for word in differing} == {"httpListenAddr", *hub_database.LEFT_OUT}
    assert made.spec["environment"] == deployed["environment"]
    assert made.spec["image"] == deployed["image"]
