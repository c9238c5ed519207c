"""Attacks on root over a socket: what a container, or whoever took one over, answers to the questions of a run.

Memory is bounded by what is read at all; time by one deadline, which no byte prolongs.
"""

from __future__ import annotations

import json
import threading
import tracemalloc
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.ask import (
    answers,
    data_check,
    history,
    http,
    prometheus,
)
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.backup import database
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.base import wire
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.docker.api import DockerEngine
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.protocol import EngineError
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec import parse
from hypothesis import given, settings
from hypothesis import strategies as st
from robot_stack.hostile import DRIPS, FLOODS, OK, Again, Hostile
from robot_stack.robots import parameters, service

GENEROUS_SECONDS = 60.0  # beyond it, something waits for ever


def within_bounds(ask: Callable[[], Any], largest: int = 16 << 20) -> Any:
    """Return what ``ask`` returns or raises; fails where it needs for ever, or much memory."""
    told: list[Any] = []

    def asking() -> None:
        try:
            told.append(ask())
        except Exception as error:
            told.append(error)

    thread = threading.Thread(target=asking, daemon=True)
    tracemalloc.start()
    try:
        thread.start()
        thread.join(GENEROUS_SECONDS)
        assert told, "it still waits for its answer"
        assert tracemalloc.get_traced_memory()[1] < largest
    finally:
        tracemalloc.stop()
    return told[0]


@pytest.mark.parametrize("answer", [*FLOODS, *DRIPS])
def test_no_answer_of_a_service_holds_a_run_or_takes_its_memory(answer: Iterable[bytes]) -> None:
    with Hostile(answer) as hostile:
        status, words = within_bounds(lambda: http.get(f"{hostile.url}/health", timeout=1.0))
        assert status == 0
        assert 0 < len(words) <= http.LONGEST_REASON
        assert hostile.sent < 64 << 20


@pytest.mark.parametrize("answer", [*FLOODS, *DRIPS])
def test_no_answer_of_an_engine_holds_a_run_or_takes_its_memory(answer: Iterable[bytes]) -> None:
    with Hostile(answer, unix=True) as hostile:
        engine = DockerEngine(hostile.path, timeout=1.0)
        assert within_bounds(engine.reachable, 64 << 20) is False
        error = within_bounds(engine.info, 64 << 20)
        assert isinstance(error, EngineError)


@pytest.mark.parametrize("answer", DRIPS)
def test_a_service_that_drips_is_not_healthy(answer: Iterable[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http.get, "__defaults__", ("", "", 0.5))
    with Hostile(answer) as hostile:
        raw = service(health={"url": f"{hostile.url}/health", "timeout_seconds": 1})
        words = within_bounds(lambda: http.wait_until_healthy(parse.service_of(raw), lambda: ""))
    assert "was not healthy within 1 s" in words


def test_an_answer_of_the_largest_size_is_read_whole() -> None:
    body = b"x" * wire.LARGEST_BODY
    for head, rest in (
        (b"\r\n", body),
        (b"Content-Length: %d\r\n\r\n" % len(body), body),
        (b"Transfer-Encoding: chunked\r\n\r\n", b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)),
    ):
        with Hostile([OK + head, rest]) as hostile:
            status, text = http.get(hostile.url)
        assert (status, len(text)) == (200, len(body))


def test_half_an_answer_is_none() -> None:
    with Hostile([OK + b"Content-Length: 10\r\n\r\nabc"]) as hostile:
        assert http.get(hostile.url)[0] == 0


@given(raw=st.binary(max_size=400))
@settings(max_examples=60)
def test_whatever_bytes_are_answered_they_are_an_answer_or_none(raw: bytes) -> None:
    for beginning in (b"", OK, OK + b"Transfer-Encoding: chunked\r\n\r\n", OK + b"Content-Length: "):
        with Hostile([beginning + raw]) as hostile:
            status, text = http.get(hostile.url, timeout=5.0)
        assert isinstance(status, int)
        assert isinstance(text, str)


def test_a_large_page_of_metrics_costs_no_second_one() -> None:
    """The watchdog has little memory: a page of many short lines must not become as many objects."""
    page = "ab\n" * (wire.LARGEST_BODY // 3) + "m 5\n"
    assert within_bounds(lambda: http.metric(page, "m"), 1 << 20) == 5


@pytest.mark.parametrize("lines", ["m{" + "}" * 100_000, "m" * 1_000_000, "m{a=" * 250_000, "m{\n" * 300_000])
def test_no_page_of_metrics_takes_for_ever(lines: str) -> None:
    assert within_bounds(lambda: http.metric(lines, "m"), 1 << 20) is None


ODD = [
    "[" * 100_000,
    "[" * 1000,
    "null",
    "5",
    '{"data": {"result": {"a": 1}}}',
    '{"data": {"result": [5, null, "x"]}}',
    '{"data": {"result": [{"value": 5}]}}',
    '{"data": {"result": [{"value": [1]}]}}',
    '{"data": {"result": [{"value": [1, "1e999"]}]}}',
    '{"data": {"result": [{"value": [1, {}]}]}}',
    '{"data": {"result": [{"value": [1, true], "metric": [1]}]}}',
    '{"data": {"result": [{"values": 7, "metric": "x"}]}}',
    '{"data": {"result": [{"values": [5, [], [1], ["a", "b"], [1e999, 1], [NaN, 1]]}]}}',
    '{"data": {"result": [{"values": [[100000000000000000000000000000000000000000000, 1]]}]}}',
    '{"data": {"result": [{"value": [1, "%s"]}]}}' % ("9" * 10_000),
]


@pytest.mark.parametrize("body", ODD)
def test_an_odd_answer_of_the_query_api_raises_nothing(body: str) -> None:
    keeper = parse.service_of(service(history_url="http://127.0.0.1:1"))
    assert data_check.series_at(keeper, 1.0, ask=lambda *_, **__: (200, body)) in (None, 0)
    stack = parse.parse(parameters(service(history_url="http://127.0.0.1:1")))
    told = history.read(stack, history.Window(1, 10), 1000.0, lambda _: (200, body))
    json.dumps(told)
    reader = prometheus.Reader("http://x", lambda _: (200, body))
    for labels, values in reader.range("a", "b", prometheus.Grid(100, 10, 5)):
        assert isinstance(labels, dict)
        assert len(values) == 5


@given(
    raw=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.sampled_from(["data", "result", "value", "values", "metric", "a"]), inner, max_size=4)
        ),
    )
)
@settings(max_examples=200)
def test_whatever_json_is_answered_it_raises_nothing(raw: Any) -> None:
    body = json.dumps({"data": {"result": raw}})
    keeper = parse.service_of(service(history_url="http://127.0.0.1:1"))
    data_check.series_at(keeper, 1.0, ask=lambda *_, **__: (200, body))
    reader = prometheus.Reader("http://x", lambda _: (200, body))
    reader.instant("a", "b", 1)
    reader.range("a", "b", prometheus.Grid(100, 10, 5))
    assert answers.sample(raw) is not None


def test_a_keeper_of_history_that_takes_its_time_is_asked_no_more() -> None:
    now = [0.0]

    def slow(_: str) -> tuple[int, str]:
        now[0] += 5.0
        return 200, '{"data": {"result": []}}'

    reader = prometheus.Reader("http://x", slow, clock=lambda: now[0])
    for _ in range(1000):
        reader.instant("a", "b", 1)
    assert now[0] <= prometheus.PATIENCE_SECONDS + 5
    assert "not asked" in reader.faults[-1]


@pytest.mark.parametrize("name", ["../../../../etc", "/etc", "a/b", "", ".", "..", "x\n", 5, None, ["one"]])
def test_a_database_does_not_choose_the_folder_that_is_backed_up(name: Any) -> None:
    assert not (isinstance(name, str) and database.SNAPSHOT_NAME.fullmatch(name))


def test_logs_of_any_length_are_bounded(tmp_path: Path) -> None:
    frame = b"\x01\0\0\0" + (1 << 20).to_bytes(4, "big") + b"y" * (1 << 20)
    version = b'{"ApiVersion": "1.41"}'
    answer = [OK + b"Content-Length: %d\r\n\r\n%s" % (len(version), version)]
    with Hostile(answer, unix=True) as hostile:
        engine = DockerEngine(hostile.path, timeout=5.0)
        engine._negotiated()
        hostile.answer = [OK + b"\r\n", frame, frame]
        assert len(engine.logs("x", 20)) <= 64 * 1024
        hostile.answer = Again(OK + b"\r\n", forever=[frame])
        assert isinstance(within_bounds(lambda: engine.logs("x", 20), 64 << 20), EngineError)
