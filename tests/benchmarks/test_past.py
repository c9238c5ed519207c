"""A past is what it says: every sample of every series once, the stated churn, cold, and kept only for so long."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.filter.victoriametrics_fit import fit

from benchmarks import cold, history, past, queries
from benchmarks.robot import load

DAY = 20_000  # since 1970
BEGIN = DAY * past.DAY_SECONDS
NO_ENGINE: Any = None  # it is not asked
A_RECIPE = past.Recipe(300, 30, past.BENCHMARK, "127.0.0.1:9300")


def a_day(recipe: past.Recipe, begin: int = BEGIN, end: int = BEGIN + past.DAY_SECONDS) -> list[dict[str, Any]]:
    identities = list(load.identities(recipe.series))
    return [json.loads(line) for line in past.lines(recipe, identities, DAY, begin, end)]


def test_every_series_has_a_sample_each_step_of_the_day_and_none_twice() -> None:
    seen: dict[tuple[str, ...], list[int]] = {}
    for line in a_day(A_RECIPE):
        own = {name: value for name, value in line["metric"].items() if name != "session"}
        assert len(line["values"]) == len(line["timestamps"])
        seen.setdefault(tuple(sorted(own.values())), []).extend(line["timestamps"])
    steps = [(BEGIN + step) * 1000 for step in range(0, past.DAY_SECONDS, past.STEP_SECONDS)]
    assert len(seen) == A_RECIPE.series
    assert all(sorted(times) == steps for times in seen.values())


@pytest.mark.parametrize(("churn", "an_hour"), [(past.ROBOTS, 3), (past.BENCHMARK, 36)])
def test_as_many_series_are_new_each_hour_as_stated(churn: float, an_hour: int) -> None:
    lines = a_day(past.Recipe(300, 30, churn, "127.0.0.1:9300"))
    # a histogram's series are replaced together
    assert len(lines) - 300 == pytest.approx(24 * an_hour, rel=0.1, abs=load.HISTOGRAM_SERIES)


def test_a_days_churn_is_below_the_bound_on_a_days_series() -> None:
    names = {json.dumps(line["metric"], sort_keys=True) for line in a_day(A_RECIPE)}
    assert len(names) < fit(64, A_RECIPE.series)["max_daily_series"]


def test_a_part_of_a_day_is_that_part() -> None:
    begin, end = BEGIN + 3600, BEGIN + 7200
    times = [moment for line in a_day(A_RECIPE, begin, end) for moment in line["timestamps"]]
    assert (min(times), max(times)) == (begin * 1000, (end - past.STEP_SECONDS) * 1000)
    assert len(times) == A_RECIPE.series * 3600 // past.STEP_SECONDS


def test_the_values_are_not_what_a_formula_gives() -> None:
    """Sensors' noise is what a month of samples consists of: neighbours differ, and so do their differences."""
    for line in a_day(A_RECIPE)[:: load.HISTOGRAM_SERIES]:
        steps = [round(later - value, 2) for value, later in zip(line["values"], line["values"][1:])]
        assert len(set(steps)) > 10, line["metric"]


def test_a_counter_only_grows_within_its_day() -> None:
    (line, *_) = [one for one in a_day(A_RECIPE) if one["metric"]["__name__"] == "load_messages_total"]
    assert line["values"] == sorted(line["values"])


def test_the_pages_have_a_past_for_whatever_they_ask() -> None:
    written = {one.metric for one in past.of_the_pages()}
    for query in queries.of_the_dashboards():
        if "sensor_iio_" not in query.expr:
            assert set(past.METRIC.findall(query.expr)) & written, query.expr
    assert any(metric.startswith("sensor_iio_") for metric in written)


@contextmanager
def database(status: int) -> Iterator[tuple[str, list[bytes]]]:
    taken: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            taken.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}", taken
    finally:
        server.shutdown()
        server.server_close()


def test_it_is_handed_over_whole() -> None:
    recipe = past.Recipe(20, 1, past.BENCHMARK, "127.0.0.1:9300")
    with database(204) as (address, taken):
        past.write(address, recipe, BEGIN + 80_000, BEGIN + 80_000 + past.DAY_SECONDS)
    lines = [json.loads(line) for body in taken for line in body.splitlines()]
    load_samples = sum(len(line["values"]) for line in lines if line["metric"]["job"] == "load")
    assert load_samples == 20 * past.DAY_SECONDS // past.STEP_SECONDS
    assert {line["metric"]["job"] for line in lines} == {"load", "sensor_service"}


def test_a_database_that_does_not_take_it_is_an_error() -> None:
    with database(503) as (address, _), pytest.raises(RuntimeError, match="HTTP 503"):
        past.write(address, past.Recipe(20, 1, past.BENCHMARK, "127.0.0.1:9300"), BEGIN, BEGIN + 3600)


def test_a_copy_is_without_caches_and_what_becomes_of_it_does_not_reach_the_original(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "cache").mkdir(parents=True)
    (data / "part").mkdir()
    (data / "part" / "values.bin").write_bytes(b"old")
    cold.copy(data, tmp_path / "copy")
    assert not (tmp_path / "copy" / "cache").exists()
    # as a database does it: a new file takes the old one's name
    (tmp_path / "copy" / "part" / "new").write_bytes(b"new")
    (tmp_path / "copy" / "part" / "new").replace(tmp_path / "copy" / "part" / "values.bin")
    assert (data / "part" / "values.bin").read_bytes() == b"old"
    cold.cool(data)


def test_a_past_is_kept_for_a_day_and_only_a_few_of_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(history, "KEPT", tmp_path)
    written: list[past.Recipe] = []

    def write(_engine: object, recipe: past.Recipe, _before: object, to: Path, begin: float, end: float) -> None:
        assert end - begin == recipe.days * past.DAY_SECONDS
        to.mkdir()
        written.append(recipe)

    monkeypatch.setattr(history, "_written", write)
    recipes = [past.Recipe(number, 30, past.ROBOTS, "127.0.0.1:9300") for number in range(100, 106)]
    for age, recipe in enumerate(recipes):
        folder = history.kept(NO_ENGINE, recipe)
        os.utime(folder, (age, age))
    assert len(list(tmp_path.iterdir())) == history.MOST_KEPT
    history.kept(NO_ENGINE, recipes[-1])
    assert written == recipes, "it is there"
    (tmp_path / recipes[-1].name() / history.UNTIL).write_text(str(time.time() - past.DAY_SECONDS))
    history.kept(NO_ENGINE, recipes[-1])
    assert written == [*recipes, recipes[-1]], "it is too old"
