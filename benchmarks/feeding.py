"""Sends what a fleet would have sent in the last hour, as fast as the hub takes it: one request for each scrape."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException

from . import fleet

CLIENTS = 4
MOST_SECONDS = 120
TIMEOUT_SECONDS = 30  # as long as a robot waits for an answer to a block at most, before it sends it again


def feed(address: str, series: int, robots: int, rounds: int, watch: Callable[[], object]) -> int:
    """Send it all and return the number of samples; call ``watch`` meanwhile, whose error ends it.

    Raises RuntimeError where a scrape is refused or not answered, or all of it takes too long.
    """
    start = int(time.time()) - rounds * fleet.INTERVAL_SECONDS
    known = fleet.scrapes(series, robots, rounds, start)
    until, over = time.monotonic() + MOST_SECONDS, threading.Event()

    def client(numbers: range) -> None:
        connection = HTTPConnection(address, timeout=TIMEOUT_SECONDS)
        try:
            for turn in range(rounds):
                for number in numbers:
                    if over.is_set():
                        return
                    if time.monotonic() > until:
                        raise RuntimeError(f"{robots} robots' hour was not taken in {MOST_SECONDS} s")
                    ask(connection, "POST", "/api/v1/import/prometheus", fleet.sent(known, number, turn, start))
        finally:
            connection.close()

    with ThreadPoolExecutor(CLIENTS) as clients:
        try:
            _until_done([clients.submit(client, range(first, robots, CLIENTS)) for first in range(CLIENTS)], watch)
        finally:
            over.set()
    return robots * rounds * series


def _until_done(busy: list[Future[None]], watch: Callable[[], object]) -> None:
    while not all(one.done() for one in busy):
        watch()
        for one in busy:
            if one.done():
                one.result()  # one that failed ends all
        time.sleep(0.2)
    for one in busy:
        one.result()


def ask(connection: HTTPConnection, method: str, path: str, body: bytes | None = None) -> bytes:
    """Return the answer. Raises RuntimeError where it is none."""
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        words = answer.read()
    except (OSError, HTTPException) as error:
        raise RuntimeError(f"{method} {path}: {type(error).__name__}: {error}") from error
    if answer.status >= 300:
        raise RuntimeError(f"HTTP {answer.status}: {words[:200].decode(errors='replace')}")
    return words
