"""HTTP: right answers to right and wrong requests, and no client that can hold up another."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sensor_service.metric import gauge
from sensor_service.request import MAX_HEAD_BYTES, NEVER, SHORTEST_TIMEOUT, BadRequest, parse, wants_openmetrics
from sensor_service.response import date

from files.sensor_service.tests.service import OPENMETRICS, Service

if TYPE_CHECKING:
    from collections.abc import Callable

    from sensor_service.output import Output
    from sensor_service.robot import Robot

GOOD = gauge("good", "A good value.")


def good(_: Robot, out: Output) -> None:
    out.add(GOOD, 1)


def nothing(_: Robot, out: Output) -> None:
    return


def raw(service: Service, sent: bytes) -> bytes:
    with service.connect() as client:
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        received = b""
        while part := client.recv(65536):
            received += part
    return received


@pytest.fixture
def service(start_service: Callable[..., Service]) -> Service:
    return start_service(collectors={"good": good})


def test_metrics_are_text_unless_openmetrics_is_preferred(service: Service) -> None:
    text = service.get()
    assert text.status == 200
    assert text.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert int(text.headers["content-length"]) == len(text.body.encode())
    openmetrics = service.get(accept=OPENMETRICS)
    assert openmetrics.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert openmetrics.body.endswith("# EOF\n")


def test_a_query_and_an_absolute_target_are_understood(service: Service) -> None:
    assert service.get("/metrics?x=1").status == 200
    assert raw(service, b"GET http://robot:9101/metrics HTTP/1.1\r\nHost: robot\r\n\r\n").startswith(b"HTTP/1.1 200")
    assert raw(service, b"GET /metrics HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200")


def test_head_answers_without_a_body(service: Service) -> None:
    for path in ("/metrics", "/healthz", "/", "/nowhere"):
        request = f"HEAD {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        head, _, body = raw(service, request).partition(b"\r\n\r\n")
        assert b"Content-Length: " in head
        assert body == b""


def test_the_front_page_leads_to_metrics_and_health(service: Service) -> None:
    page = service.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert 'href="/metrics"' in page.body


def test_unknown_paths_and_methods_are_refused(service: Service) -> None:
    assert service.get("/nowhere").status == 404
    refused = service.get(method="POST")
    assert (refused.status, refused.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"rubbish\r\n\r\n", 400),
        (b"GET /metrics\r\n\r\n", 400),
        (b"GET  /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET metrics HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /metrics HTTP/1.1\r\n\r\n", 400),
        (b"GET /metrics HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
        (b"GET /metrics HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", 400),
        (b"GET /metrics HTTP/1.1\r\nHost : x\r\n\r\n", 400),
        (b"GET /metrics HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", 400),
        (b"GET /metrics SPDY/3\r\n\r\n", 400),
        (b"GET /metrics HTTP/2.0\r\n\r\n", 505),
        (b"G(T /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /" + b"a" * MAX_HEAD_BYTES, 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * MAX_HEAD_BYTES + b"\r\n\r\n", 431),
    ],
)
def test_wrong_requests_get_their_status(service: Service, request_bytes: bytes, status: int) -> None:
    assert raw(service, request_bytes).startswith(b"HTTP/1.1 %d " % status)
    assert service.get().status == 200


def test_what_follows_a_request_is_taken_and_ignored(service: Service) -> None:
    answer = raw(service, b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n\r\n" + b"x" * 9000)
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"</html>\n")


@given(st.binary(max_size=400))
def test_any_bytes_are_a_request_or_a_refusal(received: bytes) -> None:
    status = 200
    try:
        request = parse(received + b"\r\n\r\n")
        assert request is None or request.path.startswith("/")
    except BadRequest as error:
        status = error.status
    assert status in (200, 400, 431, 505)


@given(st.text(max_size=200))
def test_any_accept_header_is_understood_somehow(accept: str) -> None:
    assert wants_openmetrics(accept) in (True, False)


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", False),
        ("*/*", False),
        ("text/plain;version=0.0.4;q=1,*/*;q=0.1", False),
        ("application/openmetrics-text", True),
        ("application/openmetrics-text; version=1.0.0", True),
        ("application/openmetrics-text;version=0.0.1", False),
        ("application/openmetrics-text;q=0", False),
        ("application/openmetrics-text;q=0.3,text/plain;q=0.5", False),
        ("application/openmetrics-text;q=rubbish", False),
        (
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
            "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            True,
        ),
    ],
)
def test_the_accept_header_chooses_the_format(accept: str, expected: bool) -> None:
    assert wants_openmetrics(accept) is expected


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ([], NEVER),
        ([b"10.000"], 10.0),
        ([b"0.9"], 0.9),
        ([b"0.000001"], SHORTEST_TIMEOUT),
        ([b"1", b"2"], NEVER),
        *[([garbage], NEVER) for garbage in (b"", b"0", b"-1", b"NaN", b"inf", b"1e999", b"10s", b"\xff", b"9" * 7000)],
    ],
)
def test_when_a_scraper_gives_up_is_one_number_of_seconds_or_unknown(told: list[bytes], expected: float) -> None:
    lines = [b"GET /metrics HTTP/1.1", b"Host: x"] + [b"x-prometheus-SCRAPE-timeout-seconds: " + one for one in told]
    request = parse(b"\r\n".join(lines) + b"\r\n\r\n")
    assert request
    assert request.timeout == expected


def test_dates_are_written_as_http_wants_them() -> None:
    assert date(784111777) == "Sun, 06 Nov 1994 08:49:37 GMT"


def test_health_needs_no_scraper_and_says_what_fails(start_service: Callable[..., Service]) -> None:
    def failing(_: Robot, out: Output) -> None:
        raise OSError(5, "Input/output error")

    service = start_service(collectors={"good": good, "bad": failing})
    healthy = service.get("/healthz")
    assert (healthy.status, healthy.body) == (200, "ok; failing collectors: bad\nbad: Input/output error\n")


def test_health_is_bad_while_no_collector_delivers_and_recovers_at_once(start_service: Callable[..., Service]) -> None:
    delivers: list[bool] = []

    def moody(_: Robot, out: Output) -> None:
        if delivers:
            out.add(GOOD, 1)

    service = start_service(collectors={"nothing": nothing, "moody": moody})
    assert service.get("/healthz").status == 503
    delivers.append(True)
    assert service.get("/healthz").status == 200


def test_health_rests_on_a_recent_scrape(start_service: Callable[..., Service]) -> None:
    calls: list[int] = []

    def counting(_: Robot, out: Output) -> None:
        calls.append(1)
        out.add(GOOD, 1)

    service = start_service(collectors={"counting": counting})
    for _ in range(5):
        assert service.get("/healthz").status == 200
    assert len(calls) == 1
