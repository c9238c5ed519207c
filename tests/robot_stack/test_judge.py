"""The verdicts over engine and stack, the rates and peaks behind a service's, and the questions asked over HTTP."""

from __future__ import annotations

import base64
import dataclasses
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import unquote_plus

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.ask import http
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.docker import container
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.host import cgroup, procfs
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.judge import peaks, readback
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.judge import verdict as judge
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records import state
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.run import report
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec import parse
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.watchdog import metrics
from robot_stack.robots import MIB, parameters, service

STACK = parse.parse(parameters(service(), service("victoriametrics", 50, history_url="http://127.0.0.1:1")))
BUDGET = STACK.budget
READING = readback.Reading(
    "sensor_service",
    32 * MIB,
    status="running",
    container="c",
    limits=cgroup.Limits(32 * MIB, 0),
    smallest=(32 * MIB, "/x"),
    usage=cgroup.Usage(9 * MIB, MIB, 4 * MIB, MIB, 100, 0),
    below_ceiling=True,
)


def held(anonymous: int, current: int = 1) -> Any:
    return cgroup.Usage(current * MIB, 0, anonymous * MIB, 0, 0, 0)


def engine_reading(**change: Any) -> Any:
    good = readback.EngineReading(procfs.Share(90 * MIB, 60 * MIB), held(60), 300 * MIB, held(100), 0)
    return dataclasses.replace(good, **change)


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({}, "ok"),
        ({"usage": held(129)}, "over budget"),
        ({"usage": None, "share": procfs.Share(200 * MIB, 129 * MIB)}, "over budget"),
        ({"usage": held(0, current=0), "share": procfs.Share(200 * MIB, 128 * MIB)}, "ok"),
        ({"usage": None, "share": None}, "ok"),
    ],
)
def test_the_engine_is_judged_by_what_it_cannot_give_back(change: dict[str, Any], verdict: str) -> None:
    assert judge.engine(engine_reading(**change), BUDGET).verdict == verdict


@pytest.mark.parametrize(
    ("change", "used"),
    [
        ({"stack_usage": held(50, current=70)}, 70.0),
        ({"stack_usage": held(50, current=70), "usage": None}, 130.0),  # the engine's 60 are not in the slice
        ({"stack_usage": held(50, current=70), "usage": held(0, current=0)}, 130.0),
        ({"stack_usage": None}, None),
    ],
)
def test_what_the_whole_stack_uses_has_the_engine_in_it(change: dict[str, Any], used: float | None) -> None:
    assert report.budget(engine_reading(**change), STACK, 82, judge.Judgement("ok"))["used_mib"] == used


def test_what_the_watchdog_could_not_read_is_absent_not_zero() -> None:
    page = metrics.text([], engine_reading(stack_usage=None), BUDGET, 1.0)
    assert "\nrobot_stack_memory_unreclaimable_bytes " not in page
    page = metrics.text([], engine_reading(usage=None), BUDGET, 1.0)  # the engine's 60 MiB are not in the slice
    assert f"\nrobot_stack_memory_unreclaimable_bytes {160 * MIB}\n" in page


@pytest.mark.parametrize(
    ("change", "verdict", "words"),
    [
        ({}, "ok", ""),
        ({"limit_of_stack": None}, "unlimited", "is none, declared are 300.0 MiB"),
        ({"limit_of_stack": 400 * MIB}, "unlimited", "is 400.0 MiB"),
        ({"stack_usage": held(301)}, "over budget", "hold 301.0 MiB of 300.0 MiB"),
        # an engine outside the ceiling counts all the same
        ({"stack_usage": held(250), "usage": None}, "over budget", "hold 310.0 MiB"),
        ({"stack_usage": held(250)}, "ok", ""),
        ({"stack_usage": None}, "ok", ""),
    ],
)
def test_the_stack_is_judged_by_its_ceiling(change: dict[str, Any], verdict: str, words: str) -> None:
    judged = judge.stack(engine_reading(**change), BUDGET)
    assert judged.verdict == verdict
    assert words in "".join(judged.reasons)


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (cgroup.Limits(32 * MIB, None), "swap is unlimited, it must be 0"),
        (cgroup.Limits(32 * MIB, 16 * MIB), "swap is 16.0 MiB, it must be 0"),
        (cgroup.Limits(32 * MIB, None, swap_accounted=False), "swap is not accounted, it must be 0"),
    ],
)
def test_swap_matters_where_the_robot_has_some(limits: Any, words: str) -> None:
    reading = dataclasses.replace(READING, limits=limits)
    assert judge.service(reading, MIB, 0).reasons == [words]
    assert judge.service(reading, 0, 0).verdict == "ok"


def test_a_service_whose_cgroup_cannot_be_read_is_not_taken_for_limited() -> None:
    judged = judge.service(readback.Reading("s", MIB, status="running"), 0, 0)
    assert (judged.verdict, judged.reasons) == ("unlimited", ["its cgroup cannot be read"])
    assert judge.service(readback.Reading("s", MIB), 0, 0).verdict == "down"


def test_the_highest_of_all_peaks_counts() -> None:
    def peak(**change: Any) -> Any:
        return judge.peak(dataclasses.replace(READING, **change))

    assert peak(record=state.ServiceRecord("c", peak_bytes=1)) == 8 * MIB
    assert peak(record=state.ServiceRecord("c", peak_bytes=9 * MIB)) == 9 * MIB
    assert peak(remembered_peak=10 * MIB) == 10 * MIB
    assert judge.peak(readback.Reading("s", 1)) is None


def test_a_look_remembers_the_peak_and_what_happened() -> None:
    reading = dataclasses.replace(READING, record=state.ServiceRecord("c", restarts=2, peak_bytes=MIB))
    kept = report.remembered(state.State(), [reading]).services[reading.name]
    assert kept == state.ServiceRecord("c", restarts=2, peak_bytes=8 * MIB)


@pytest.mark.parametrize(
    ("record", "verdict"),
    [
        ({"last_failure_at": 1000.0, "oom_kills": 2, "restarts": 2, "last_failure": "the kernel killed it"}, "killed"),
        ({"last_failure_at": 1000.0 - judge.KILLED_SECONDS + 1, "hangs": 1}, "killed"),
        ({"last_failure_at": 1000.0 - judge.KILLED_SECONDS, "hangs": 1}, "ok"),  # a day of peace
        ({"last_failure_at": 1000.0 + judge.KILLED_SECONDS - 1, "hangs": 1}, "killed"),  # the clock was set back
        ({"last_failure_at": 1000.0 + judge.KILLED_SECONDS, "hangs": 1}, "ok"),  # by a clock that was wrong then
        ({"restarts": 0}, "ok"),
    ],
)
def test_what_was_killed_is_judged_killed_for_a_day(record: dict[str, Any], verdict: str) -> None:
    judged = judge.service(dataclasses.replace(READING, record=state.ServiceRecord("c", **record)), 0, 1000.0)
    assert judged.verdict == verdict


def test_a_kill_is_told_with_its_counts() -> None:
    record = state.ServiceRecord("c", restarts=3, oom_kills=2, last_failure_at=999.0, last_failure="it died")
    judged = judge.service(dataclasses.replace(READING, record=record), 0, 1000.0)
    assert judged.reasons == ["it died (since it was deployed: OOM-killed 2 times, ended unasked 3 times)"]


@pytest.mark.parametrize(
    ("answer", "peak"),
    [
        ((200, json.dumps({"data": {"result": [{"value": [1, "1234"]}]}})), 1234),
        ((200, json.dumps({"data": {"result": []}})), None),
        ((200, json.dumps({"data": {"result": [{"value": [1, "1e17"]}]}})), None),
        ((200, "no JSON"), None),
        ((0, "refused"), None),
    ],
)
def test_peaks_come_from_the_robots_own_history(
    monkeypatch: pytest.MonkeyPatch, answer: tuple[int, str], peak: int | None
) -> None:
    asked: list[str] = []

    def get(url: str, *_: str) -> tuple[int, str]:
        asked.append(url)
        return answer

    monkeypatch.setattr(http, "get", get)
    reading = dataclasses.replace(READING, started_at=700.0)
    (found,) = peaks.remembered(STACK, [reading], 1000.0)
    assert found.remembered_peak == peak
    assert "service%3D%22sensor_service%22%7D%5B300s%5D" in asked[0]
    assert "nocache=1" in asked[0], "VictoriaMetrics would answer with what was 30 seconds ago"


def test_peaks_on_a_hub_are_its_own_and_no_robots(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def get(url: str, *_: str) -> tuple[int, str]:
        asked.append(url)
        return 200, ""

    monkeypatch.setattr(http, "get", get)
    peaks.remembered(dataclasses.replace(STACK, robot='hub.1"'), [READING], 1000.0)
    assert 'service="sensor_service",robot=~"|hub\\\\.1\\""}[' in unquote_plus(asked[0])


def asking(*answers: tuple[int, str], gone: str = "", **health: Any) -> Any:
    """Wait for a service that gives ``answers``, the last one again and again, while time flies."""
    declared = {"url": "http://127.0.0.1:9/health", "timeout_seconds": 3, **health}
    files = [{"path": "secret", "content": " hunter2 \n"}]
    (one,) = parse.parse(parameters(service(health=declared, files=files))).services
    now, left, seen = [0.0], list(answers), []

    def ask(url: str, username: str, password: str) -> tuple[int, str]:
        seen.append((url, username, password))
        return left.pop(0) if len(left) > 1 else left[0]

    def pause(seconds: float) -> None:
        now[0] += seconds

    return http.wait_until_healthy(one, lambda: gone, ask, pause, lambda: now[0]), seen


def test_a_service_may_take_its_time() -> None:
    assert asking((0, "refused"), (503, ""), (200, "OK"))[0] is None


@pytest.mark.parametrize(
    ("answer", "words"), [((503, ""), "within 3 s: HTTP 503"), ((0, "connection refused"), "connection refused")]
)
def test_a_service_that_never_works_is_told_with_its_last_answer(answer: tuple[int, str], words: str) -> None:
    reason, seen = asking(answer)
    assert reason.endswith(words)
    assert len(seen) == 12


def test_a_container_that_ended_is_not_waited_for() -> None:
    reason, seen = asking((0, "refused"), gone="its container ended (exit code 1)")
    assert (reason, len(seen)) == ("its container ended (exit code 1)", 1)


def test_the_password_comes_from_the_services_own_file() -> None:
    _, seen = asking((200, ""), username="me", password_file="secret")
    assert seen[0][1:] == ("me", " hunter2"), "as the database reads it"
    _, seen = asking((200, ""))
    assert seen[0][1:] == ("", "")


@pytest.mark.parametrize("ends_at", [0.0, 1.0, http.SETTLING_SECONDS])
def test_without_a_health_page_a_container_is_watched_while_it_settles(ends_at: float) -> None:
    now = [0.0]
    (one,) = parse.parse(parameters(service(health={}))).services

    def pause(seconds: float) -> None:
        now[0] += seconds

    def wait(gone: Callable[[], str]) -> str | None:
        return http.wait_until_healthy(one, gone, pause=pause)

    assert wait(lambda: "it ended" if now[0] >= ends_at else "") == "it ended"
    now[0] = 0.0
    assert wait(lambda: "") is None
    assert now[0] == http.SETTLING_SECONDS


@pytest.fixture
def page() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            allowed = self.headers.get("Authorization") == "Basic " + base64.b64encode(b"me:pass").decode()
            self.send_response(200 if allowed else 401)
            self.end_headers()
            self.wfile.write(self.path.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_page_is_asked_for_with_its_query_and_password(page: str) -> None:
    assert http.get(f"{page}/a?b=c", "me", "pass") == (200, "/a?b=c")
    assert http.get(page, "me", "pass") == (200, "/")
    assert http.get(page)[0] == 401


def test_a_page_that_nobody_serves_has_a_reason() -> None:
    status, words = http.get("http://127.0.0.1:1/")
    assert status == 0
    assert "refused" in words


@pytest.mark.parametrize(
    ("page_text", "value"),
    [
        ("# TYPE m gauge\nm 3.3e+07\n", 3.3e7),
        ("m 5 1700000000\n", 5),
        ('m_b 1\nm{x="y z"} 2.5\n', 2.5),
        ("m nonsense\n", None),
        ("m2 1\n", None),
    ],
)
def test_a_metric_is_its_first_value(page_text: str, value: float | None) -> None:
    assert http.metric(page_text, "m") == value


def test_a_container_is_described_without_labels() -> None:
    body = container.body(STACK, STACK.services[0], "systemd", "f")
    assert container.described(body).startswith("image: sensor_service:1\nmemory: 32.0 MiB\n")
