"""Sends what a fleet would have sent in the last hour, as fast as it is taken: one request for each scrape."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from http.client import HTTPConnection, HTTPException

from . import fleet

CLIENTS = 4
MOST_SECONDS = 120
TIMEOUT_SECONDS = 30  # as long as a robot waits for an answer to a block at most, before it sends it again
IMPORT = "/api/v1/import/prometheus"

Post = Callable[[int, int], object]  # sends what a robot (by its number) has in one of its scrapes


def begin(rounds: int) -> int:
    """Return the moment of the first of so many scrapes, of which the last one was just now (seconds since 1970)."""
    return int(time.time()) - rounds * fleet.INTERVAL_SECONDS


def feed(address: str, series: int, robots: int, rounds: int, watch: Callable[[], object]) -> int:
    """Send it all to a database and return the number of samples; call ``watch`` meanwhile, whose error ends it.

    Raises RuntimeError where a scrape is refused or not answered, or all of it takes too long.
    """
    start = begin(rounds)
    known = fleet.scrapes(series, robots, rounds, start)

    @contextmanager
    def client() -> Iterator[Post]:
        connection = HTTPConnection(address, timeout=TIMEOUT_SECONDS)
        try:
            yield lambda number, turn: ask(connection, "POST", IMPORT, fleet.sent(known, number, turn, start))
        finally:
            connection.close()

    each(robots, rounds, client, watch)
    return robots * rounds * series


def each(
    robots: int,
    rounds: int,
    client: Callable[[], AbstractContextManager[Post]],
    watch: Callable[[], object],
    most_seconds: float = MOST_SECONDS,
) -> None:
    """Have some clients at once send every scrape of every robot; each client has its share of the robots.

    Raises RuntimeError as they do, or where all of it takes too long.
    """
    until, over = time.monotonic() + most_seconds, threading.Event()

    def share(numbers: range) -> None:
        with client() as post:
            for turn in range(rounds):
                for number in numbers:
                    if over.is_set():
                        return
                    if time.monotonic() > until:
                        raise RuntimeError(f"{robots} robots' hour was not taken in {most_seconds} s")
                    post(number, turn)

    with ThreadPoolExecutor(CLIENTS) as clients:
        try:
            _until_done([clients.submit(share, range(first, robots, CLIENTS)) for first in range(CLIENTS)], watch)
        finally:
            over.set()


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
