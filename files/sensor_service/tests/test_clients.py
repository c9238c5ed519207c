"""Many clients, slow clients, clients that leave: none of them can hold up another."""

from __future__ import annotations

import socket
import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sensor_service import connection, server
from sensor_service.metric import gauge

from files.sensor_service.tests.service import OPENMETRICS, Service, series, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from sensor_service.output import Output
    from sensor_service.robot import Robot

GOOD = gauge("good", "A good value.")


def good(_: Robot, out: Output) -> None:
    out.add(GOOD, 1)


@pytest.fixture
def service(start_service: Callable[..., Service]) -> Service:
    return start_service(collectors={"good": good})


def test_scrapes_that_come_together_share_one_collection(start_service: Callable[..., Service]) -> None:
    calls: list[int] = []
    let_go = threading.Event()

    def slow(_: Robot, out: Output) -> None:
        calls.append(1)
        let_go.wait(20)
        out.add(GOOD, 1)

    service = start_service(collectors={"slow": slow})
    with ThreadPoolExecutor(12) as pool:
        accepts = [OPENMETRICS if index % 2 else "*/*" for index in range(12)]
        asked = [pool.submit(service.get, accept=accept) for accept in accepts]
        until(lambda: service.waiting == 12)
        let_go.set()
        answers = [one.result() for one in asked]
    assert [answer.status for answer in answers] == [200] * 12
    assert [answer.body.endswith("# EOF\n") for answer in answers] == [bool(index % 2) for index in range(12)]
    assert calls == [1]


def test_many_scrapes_at_once_all_get_whole_pages(raspberry_pi: Path, start_service: Callable[..., Service]) -> None:
    service = start_service(root=raspberry_pi)
    with ThreadPoolExecutor(24) as pool:
        pages = list(pool.map(lambda _: series(service.get().body), range(120)))
    assert len({frozenset(page) for page in pages}) == 1
    assert service.runner.workers == 1


def test_slow_clients_take_places_but_not_the_service(
    start_service: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "READ_SECONDS", 0.4)
    service = start_service(collectors={"good": good})
    clients = [service.connect() for _ in range(server.MAX_CONNECTIONS + 4)]
    for client in clients:
        client.sendall(b"GET /metr")
    begun = time.monotonic()
    assert service.get().status == 200
    assert time.monotonic() - begun < 3
    assert clients[0].recv(100).startswith(b"HTTP/1.1 408 ")
    for client in clients:
        client.close()


def test_a_client_that_says_nothing_is_let_go(
    start_service: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "READ_SECONDS", 0.1)
    service = start_service(collectors={"good": good})
    with service.connect() as client:
        assert client.recv(10) == b""


def test_ends_of_lines_before_a_request_are_not_kept() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        one = connection.Connection(ours, 0.0)
        tracemalloc.start()
        try:
            for _ in range(100):
                theirs.sendall(b"\r\n" * 2000)
                one.ready(0.0)
            held, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert held < 100_000
        theirs.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        while one.request is None and one.state != connection.CLOSED:
            one.ready(0.0)
        assert one.request
        assert one.request.path == "/metrics"


def send_on(client: socket.socket) -> None:
    """Sends, for long, little that nobody reads: that the other side has closed shows with the second packet only."""
    for _ in range(400):
        client.sendall(b"x")
        time.sleep(0.05)


def test_a_client_that_does_not_read_is_let_go_and_holds_up_nobody(
    start_service: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    def large(_: Robot, out: Output) -> None:
        for index in range(1500):
            out.add(GOOD, index, index=str(index), filler="x" * 4000)

    monkeypatch.setattr(connection, "WRITE_SECONDS", 2.0)
    service = start_service(collectors={"large": large})
    with service.connect() as stuck:
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stuck.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        assert len(series(service.get().body)) > 1500
        with pytest.raises(ConnectionError):
            send_on(stuck)


def test_a_client_that_leaves_while_waiting_disturbs_nobody(start_service: Callable[..., Service]) -> None:
    let_go = threading.Event()

    def slow(_: Robot, out: Output) -> None:
        let_go.wait(20)
        out.add(GOOD, 1)

    service = start_service(collectors={"slow": slow})
    leaving = service.connect()
    leaving.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    leaving.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    with ThreadPoolExecutor(1) as pool:
        staying = pool.submit(service.get)
        until(lambda: service.waiting == 2)
        leaving.close()
        until(lambda: service.waiting == 1)
        let_go.set()
        assert staying.result().status == 200


def test_an_idle_service_does_nothing(service: Service) -> None:
    service.get()
    time.sleep(connection.LEAVE_SECONDS + 0.2)
    threads = Path("/proc/self/task")
    status = threads / str(service.thread_id) / "status"
    before = [line for line in status.read_text().splitlines() if "ctxt" in line]
    time.sleep(0.6)
    assert [line for line in status.read_text().splitlines() if "ctxt" in line] == before
