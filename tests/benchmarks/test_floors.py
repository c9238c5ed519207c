"""The search finds the edge, the gate knows what was measured, and what is measured is what is deployed."""

from __future__ import annotations

from math import ceil

import pytest
from ansible_collections.robotfleet.stack.plugins.filter.victoriametrics_fit import fit
from ansible_collections.robotfleet.stack.plugins.filter.vmagent_fit import fit as fit_agent
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate import floors as gate
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import agent, collectors, product, results, tables, trial
from benchmarks.search import LARGEST_MIB, SMALLEST_MIB, smallest

EDGES = st.integers(min_value=1, max_value=LARGEST_MIB - 50)


@given(edge=EDGES, guess=st.integers(min_value=SMALLEST_MIB, max_value=300), step=st.sampled_from([1, 2, 4, 8]))
def test_the_search_finds_the_edge_to_within_a_step(edge: int, guess: int, step: int) -> None:
    asked: list[int] = []

    def serves(limit: int) -> bool:
        asked.append(limit)
        return limit >= edge

    found = smallest(serves, guess, step)
    assert max(edge, SMALLEST_MIB - step) <= found < max(edge, SMALLEST_MIB) + step
    assert asked.count(found) >= 1
    assert all(limit > 0 for limit in asked)


def test_a_limit_that_served_by_luck_once_moves_up() -> None:
    lucky = [40]

    def serves(limit: int) -> bool:
        return limit >= 44 or (limit in lucky and not lucky.remove(limit))  # type: ignore[func-returns-value]  # None is what it is asked for

    assert smallest(serves, 40, 2) == 44


def test_what_never_serves_is_an_error_and_no_limit() -> None:
    with pytest.raises(LookupError):
        smallest(lambda _limit: False, 50, 2)


def test_the_gate_refuses_what_was_not_measured_to_serve() -> None:
    found = results.load("floors")
    measured = tuple(
        (series, tables.smallest(found, collectors.VICTORIAMETRICS, series)) for series in tables.numbers(found)
    )
    assert all(mib is not None for _, mib in measured)
    assert measured == gate.MEASURED
    assert tuple((series, mib + gate.MARGIN_MIB) for series, mib in gate.MEASURED) == gate.VICTORIAMETRICS
    assert tables.smallest(found, trial.SENSOR_SERVICE, 0) == gate.SENSOR_SERVICE_MEASURED_MIB


def test_the_gate_refuses_an_agent_that_was_not_measured_to_keep_up() -> None:
    found = results.load("floors")
    measured = tuple((series, tables.smallest(found, agent.KIND, series)) for series in tables.numbers(found))
    assert measured == gate.VMAGENT_MEASURED
    floor = gate.measured_mib("vmagent", product.default("vmagent_expected_series"))
    assert product.default("vmagent_memory_limit_mib") >= floor


def test_the_gate_refuses_a_hub_that_was_not_measured_to_take_a_backlog() -> None:
    fleets = results.load("hub")["fleets"]
    roomy = max(fleet["limit_mib"] for fleet in fleets)
    assert tuple((f["series"], ceil(f["peak_mib"])) for f in fleets if f["limit_mib"] == roomy) == gate.HUB_MEASURED
    for fleet in fleets:
        fits = fleet["limit_mib"] >= gate.victoriametrics_mib(fleet["series"], gate.HUB_MEASURED)
        assert fits == ("held_mib" in fleet), "it served, and was measured to its end"


def test_a_trial_of_the_agent_runs_what_a_robot_gets() -> None:
    program = agent.program(1000, 40, "127.0.0.1:7001", {"load": "127.0.0.1:1"})
    assert program.limit_mib == program.spec["memory_limit_mib"] == 40
    assert program.spec["environment"] == {"GOMEMLIMIT": f"{fit_agent(40)['gomemlimit_mib']}MiB"}
    assert "-remoteWrite.url=http://127.0.0.1:7001/api/v1/write" in program.spec["command"]
    scrape = next(file["content"] for file in program.spec["files"] if file["path"] == "scrape.yml")
    assert '"127.0.0.1:1"' in scrape


def test_the_defaults_are_above_their_floors() -> None:
    series = product.default("victoriametrics_expected_series")
    assert product.default("victoriametrics_memory_limit_mib") >= gate.victoriametrics_mib(series)
    assert product.default("sensor_service_memory_limit_mib") >= gate.SENSOR_SERVICE_MIB


def test_a_trial_runs_what_a_robot_gets() -> None:
    program = collectors.collector(collectors.VICTORIAMETRICS, 60, 2000, "127.0.0.1:7000", {"load": "127.0.0.1:1"}, {})
    fitted = fit(60, 2000)
    assert program.spec["environment"] == {"GOMEMLIMIT": f"{fitted['gomemlimit_mib']}MiB"}
    assert f"-memory.allowedBytes={fitted['allowed_bytes']}" in program.spec["command"]
    assert program.spec["image"]["reference"].endswith(product.default("victoriametrics_version"))
    scrape = next(file["content"] for file in program.spec["files"] if file["path"] == "scrape.yml")
    assert '"127.0.0.1:1"' in scrape


def test_gomemlimit_is_the_only_thing_that_is_left_out() -> None:
    with_it, without = (
        collectors.collector(kind, 50, 1000, "127.0.0.1:7000", {}, {}).spec
        for kind in (collectors.VICTORIAMETRICS, collectors.WITHOUT_GOMEMLIMIT)
    )
    assert with_it["command"] == without["command"]
    assert without["environment"] == {"GOMEMLIMIT": "off"}
