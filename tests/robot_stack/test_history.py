"""A robot's history is read from its own database over HTTP: complete, downsampled, bounded, and honest about gaps."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.ask import history
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.docker.api import DockerEngine
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.run import disk_usage, run
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec import model, parse
from robot_stack.fake_engine import FakeEngine
from robot_stack.robots import MIB, Robot, parameters, service, write

NOW = 1_800_000_000


class Database:
    """Speaks the query API. ``instant`` and ``ranges`` hold series by a word of their query."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []
        self.authorization: list[str | None] = []
        self.instant: dict[str, list[tuple[dict[str, str], str]]] = {"tfirst_over_time": [({}, str(NOW - 600))]}
        self.ranges: dict[str, list[tuple[dict[str, str], list[tuple[int, str]]]]] = {}
        self.refusal: tuple[int, bytes] | None = None
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, target: str) -> tuple[int, bytes]:
        parts = urlsplit(target)
        asked = {key: values[0] for key, values in parse_qs(parts.query).items()}
        self.asked.append(asked)
        if self.refusal:
            return self.refusal
        known: Any = self.ranges if parts.path.endswith("query_range") else self.instant
        found = [series for word, all_series in known.items() if word in asked["query"] for series in all_series]
        if parts.path.endswith("query_range"):
            result: list[dict[str, Any]] = [{"metric": labels, "values": values} for labels, values in found]
        else:
            result = [{"metric": labels, "value": [NOW, value]} for labels, value in found]
        return 200, json.dumps({"status": "success", "data": {"result": result}}).encode()


def _handler(database: Database) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            database.authorization.append(self.headers.get("Authorization"))
            status, body = database.answer(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


@pytest.fixture
def database() -> Iterator[Database]:
    made = Database()
    threading.Thread(target=made.server.serve_forever, args=(0.02,), daemon=True).start()
    yield made
    made.server.shutdown()
    made.server.server_close()


def read(database: Database, hours: int = 24, points: int = 60, **more: Any) -> dict[str, Any]:
    stack = parse.parse(parameters(service(), service("victoriametrics", 50, history_url=database.url, **more)))
    found: dict[str, Any] = history.read(stack, history.Window(hours, points), NOW)
    return found


def test_each_service_has_working_set_and_limit_for_every_moment(database: Database) -> None:
    labels = {"service": "victoriametrics"}
    database.ranges = {
        "working_set": [(labels, [(NOW - 590, str(16 * MIB)), (NOW, str(20.25 * MIB))])],
        "spec_memory_limit": [(labels, [(NOW, str(50 * MIB))])],
    }
    found = read(database)
    assert (found["step_seconds"], len(found["moments"]), found["moments"][-1]) == (10, 60, NOW)
    row = found["services"]["victoriametrics"]
    assert (row["working_set_mib"][0], row["working_set_mib"][-1]) == (16.0, 20.2)
    assert row["working_set_mib"][1:-1] == [None] * 58
    assert (row["limit_mib"][0], row["limit_mib"][-1]) == (None, 50.0)
    assert found["faults"] == []


def test_no_peak_is_lost_between_two_points(database: Database) -> None:
    read(database)
    (asked,) = [asked for asked in database.asked if "working_set" in asked["query"] and "start" in asked]
    assert f"max_over_time(container_memory_working_set_bytes[{asked['step']}s])" in asked["query"]


@pytest.mark.parametrize("age", [3, 700, 86_400, 86_400 * 30])
def test_the_grid_starts_with_the_samples_and_never_has_more_points_than_asked_for(
    database: Database, age: int
) -> None:
    database.instant["tfirst_over_time"] = [({}, str(NOW - age))]
    found = read(database, hours=24, points=50)
    assert 1 <= len(found["moments"]) <= 50
    assert found["step_seconds"] >= 5
    assert found["moments"][0] >= NOW - 86_400
    assert found["moments"][0] - found["step_seconds"] <= NOW - min(age, 86_400) + found["step_seconds"]


@pytest.mark.parametrize("late", [0, 1, 5, 14, 60])
def test_a_day_is_a_day_although_its_first_sample_is_some_seconds_inside(database: Database, late: int) -> None:
    database.instant["tfirst_over_time"] = [({}, str(NOW - 86_400 + late))]
    found = read(database, hours=24, points=120)
    assert len(found["moments"]) * found["step_seconds"] >= 86_400


def test_what_a_database_sends_is_bounded(database: Database) -> None:
    many = [({"service": f"s{n}" * 100}, [(NOW, "1")]) for n in range(500)]
    database.ranges = {"working_set": many, "node_thermal": many}
    found = read(database)
    assert len(found["services"]) == 40
    assert len(found["sensors"]) == 4
    assert all(len(name) == 80 for name in found["services"])
    assert all("limitk(40, " in asked["query"] for asked in database.asked)


def test_scrapes_are_counted_by_bucket(database: Database) -> None:
    bounds = [("0.01", "90"), ("0.005", "60"), ("+Inf", "100"), ("nonsense", "7")]
    database.instant["by (le)"] = [({"le": bound}, count) for bound, count in bounds]
    found = read(database)["scrapes"]
    assert found["count"] == 100
    assert [(bucket["up_to_ms"], bucket["count"]) for bucket in found["buckets"]] == [(5.0, 60), (10.0, 30), (None, 10)]


def test_what_is_no_number_is_no_sample(database: Database) -> None:
    database.ranges = {"node_thermal": [({"zone": "cpu"}, [(NOW - 20, "NaN"), (NOW - 10, "+Inf"), (NOW, "41.5")])]}
    database.instant["vm_rows"] = [({}, "NaN")]
    found = read(database)
    assert found["sensors"][0]["values"][-3:] == [None, None, 41.5]
    assert found["sensors"][0]["labels"] == {"zone": "cpu"}
    assert "samples" not in found["storage"]


@pytest.mark.parametrize(
    ("refusal", "words"),
    [((422, b"too much memory"), "HTTP 422: too much memory"), ((200, b"<html>"), "no answer of the query API")],
)
def test_what_cannot_be_read_is_told(database: Database, refusal: tuple[int, bytes], words: str) -> None:
    database.refusal = refusal
    found = read(database)
    assert words in found["faults"][0]
    assert found["measured_at"] == NOW
    assert "services" not in found


def test_a_query_that_fails_later_leaves_a_line_and_the_rest(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = database.answer
    monkeypatch.setattr(database, "answer", lambda target: (503, b"busy") if "vm_rows" in target else answer(target))
    assert read(database)["faults"] == ["samples: HTTP 503: busy"]


def test_a_silent_database_is_told_and_not_waited_for_again(database: Database) -> None:
    database.server.shutdown()
    database.server.server_close()
    found = read(database)
    assert len(found["faults"]) == 1
    assert "refused" in found["faults"][0].lower()


def test_a_robot_before_its_first_sample_says_so(database: Database) -> None:
    database.instant = {}
    assert read(database)["faults"] == ["there are no samples yet"]


def test_a_robot_without_a_database_says_so() -> None:
    found = history.read(parse.parse(parameters(service())), history.Window(1), NOW)
    assert found["faults"] == [history.KEEPS_NONE]


def test_a_protected_database_is_asked_with_its_password(database: Database) -> None:
    read(
        database,
        health={"username": "operator", "password_file": "secret"},
        files=[{"path": "secret", "content": "hunter2\n", "sensitive": True}],
    )
    assert set(database.authorization) == {"Basic " + base64.b64encode(b"operator:hunter2").decode()}


@pytest.mark.parametrize(
    "raw", [{"hours": -1}, {"hours": 9999}, {"hours": 1, "points": 9}, {"hours": 1, "points": 1001}]
)
def test_a_window_that_would_hurt_is_refused(raw: dict[str, int]) -> None:
    with pytest.raises(model.SpecError, match="is not between"):
        history.parse(raw)


@pytest.mark.usefixtures("any_owner")
def test_a_run_reads_history_only_where_it_is_asked_for(robot: Robot, fake: FakeEngine, database: Database) -> None:
    stack = parse.parse(parameters(service(history_url=database.url), state="verified"))

    def call(window: history.Window) -> dict[str, Any]:
        engine = DockerEngine(fake.socket)
        found: dict[str, Any] = run.execute(run.Call(stack, robot.roots, engine, clock=lambda: NOW, window=window))
        return found

    assert "history" not in call(history.Window())
    assert [asked for asked in database.asked if "tfirst" in asked["query"]] == []
    assert call(history.Window(24, 60))["history"]["step_seconds"] == 10
    assert fake.changes == []
    assert not (robot.root / "var/lib/robot-stack").exists()


def test_disk_tells_image_and_data(robot: Robot, fake: FakeEngine) -> None:
    declared = service(data=[{"name": "data", "target": "/data"}])
    fake.images = {"sensor_service:1": {"Id": "1", "Size": 14 * MIB}}
    write(robot.root / "var/lib/robot-stack/sensor_service/data/parts/one", "x" * 3 * MIB)
    stack = parse.parse(parameters(declared, service("other")))
    found = disk_usage.read(stack, DockerEngine(fake.socket), robot.roots)
    assert found["sensor_service"]["image_mib"] == 14.0
    assert found["sensor_service"]["data_mib"] == pytest.approx(3.0, abs=0.1)
    assert found["other"] == {"image_mib": None, "data_mib": None}
