"""The search finds the edge, the gate knows what was measured, and what is measured is what is deployed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from math import ceil
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.filter.victoriametrics_fit import fit
from ansible_collections.robotfleet.stack.plugins.filter.vmagent_fit import fit as fit_agent
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate import floors as gate
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import agent, collectors, floors, history, past, product, results, tables, trial
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


NO_ENGINE: Any = None  # it is not asked
MONTHS = [past.Behind(days, churn) for days in (30, 90) for churn in past.CHURN]


def test_a_database_is_searched_with_each_past_and_the_others_with_none() -> None:
    found = floors.searches(floors.USUAL, floors.SERIES, MONTHS)
    of_a_database = [(one.series, one.behind) for one in found if one.kind == collectors.VICTORIAMETRICS]
    assert of_a_database == [(series, behind) for series in (200, 1000, 5000) for behind in MONTHS]
    assert {one.behind for one in found if one.kind not in floors.WITH_A_PAST} == {None}
    assert len({one.name() for one in found}) == len(found)


class Nothing:
    """A program that is not run."""

    address = "127.0.0.1:1"

    def __init__(self, *_: object) -> None:
        """Take what it would be."""

    def __enter__(self) -> Nothing:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nothing."""


def in_vain(monkeypatch: pytest.MonkeyPatch, against: list[str]) -> list[tuple[int, Any, Any]]:
    """Have no trial do anything; return what each was asked for: limit, variables and past."""
    asked: list[tuple[int, Any, Any]] = []

    @contextmanager
    def written(_engine: object, recipe: past.Recipe) -> Iterator[history.Past]:
        yield history.Past(Path(recipe.name()), recipe.days)

    def tried(_engine: object, kind: str, series: int, limit: int, *rest: Any) -> trial.Trial:
        asked.append((limit, *rest[1:]))
        return trial.Trial(kind, series, limit, list(against))

    monkeypatch.setattr(history, "of_the_load", written)
    monkeypatch.setattr(trial, "load", lambda *where: nullcontext(where[1]))
    monkeypatch.setattr(trial, "of_collector", tried)
    monkeypatch.setattr(floors, "Running", Nothing)
    return asked


def test_a_trial_begins_with_its_past_and_keeps_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = in_vain(monkeypatch, [])
    (search,) = floors.searches(["victoriametrics"], [200], [past.Behind(90, "robots")])
    found = floors.measure(NO_ENGINE, search, {"victoriametrics_cpu_limit": 2.0})
    recipe = past.Recipe(200, 90, past.ROBOTS, history.LOAD_ADDRESS)
    own = {"victoriametrics_retention": "90d", "victoriametrics_cpu_limit": 2.0}
    assert {(str(begin.data), begin.days) for _, _, begin in asked} == {(recipe.name(), 90)}
    assert all(variables == own for _, variables, _ in asked)
    assert found["past"] == {"days": 90, "churn": "robots"}
    assert found["smallest_mib"] == SMALLEST_MIB


def test_what_no_limit_serves_is_kept_as_that(monkeypatch: pytest.MonkeyPatch) -> None:
    in_vain(monkeypatch, ["it ended"])
    (search,) = floors.searches(["victoriametrics"], [5000], [past.Behind(90, "benchmark")])
    found = floors.measure(NO_ENGINE, search, {})
    assert found["smallest_mib"] is None
    assert len(found["trials"]) > 2
    shown = tables.behind({"floors": [found], "machine": results.machine()})
    assert f"| above {LARGEST_MIB} |" in shown
    assert "it ended" in shown


def a_floor(smallest_mib: int, behind: past.Behind | None, series: int = 1000) -> dict[str, Any]:
    made = trial.Trial(collectors.VICTORIAMETRICS, series, smallest_mib, [])
    made.moments = {trial.SERVING: 0.0, "over 7 d": 2.6, trial.AFTERWARDS: 1.0}
    found = {"kind": collectors.VICTORIAMETRICS, "series": series, "smallest_mib": smallest_mib,
             "trials": [results.of_trial(made)]}  # fmt: skip
    return found | ({"past": {"days": behind.days, "churn": behind.churn}} if behind else {})


def test_each_past_has_its_own_result_and_the_gate_goes_by_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    for floor in (a_floor(54, None), a_floor(80, MONTHS[-1]), a_floor(58, MONTHS[0])):
        results.keep_floor("floors", floor)
    assert tables.smallest(results.load("floors"), collectors.VICTORIAMETRICS, 1000) == 54
    results.keep_floor("floors", a_floor(62, past.OF_THE_GATE))
    results.keep_floor("floors", a_floor(64, past.OF_THE_GATE))
    results.keep_floor("floors", a_floor(60, MONTHS[0]))
    results.keep_floor("floors", a_floor(99, MONTHS[-1], 5000))
    found = results.load("floors")
    assert tables.smallest(found, collectors.VICTORIAMETRICS, 1000) == 64, "it took the place of the one without a name"
    assert sorted(floor["smallest_mib"] for floor in found["floors"]) == [60, 64, 80, 99]
    assert tables.numbers(found) == [1000]
    lines = tables.behind(found).splitlines()
    assert f"| {collectors.VICTORIAMETRICS}, 30 days behind it, churn of robots | 60 | - |" in lines
    assert f"| {collectors.VICTORIAMETRICS}, 90 days behind it, churn of benchmark | 80 | 99 |" in lines
    edge = f"| 1,000 series, {collectors.VICTORIAMETRICS}, 30 days behind it, churn of benchmark | 64 | 0 | 3 | 1 |"
    assert any(line.startswith(edge) for line in lines)


def test_without_results_it_says_that_nothing_is_measured() -> None:
    assert tables.behind({"floors": [a_floor(54, None)], "machine": {}}) == "Not measured yet."
