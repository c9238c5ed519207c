"""The HTTP server: one thread, one poll, a few connections. It sleeps without any timer while nobody asks.

| path | answer |
|---|---|
| /metrics | a scrape, that ends before who asked for it gives up; those who ask while one is under way share it |
| /healthz | 200 if a scrape got series from a collector within the last minute (it runs one where none did), else 503 |
| / | a page with links |

`/healthz` says what fails, and why: the status alone is for probes.
"""

from __future__ import annotations

import os
import select
import time

from . import VERSION
from .connection import CLOSED, EVENTS, READING, WAITING, Connection
from .exposition import OPENMETRICS_TYPE, TEXT_TYPE
from .listen import accept
from .request import wants_openmetrics
from .response import HTML, respond

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket

    from .request import Request
    from .scraper import Scraper

# More than scrapers and people at one time; beyond, callers wait in the kernel's queue until a place is free.
MAX_CONNECTIONS = 16
# Seconds after which the stack's own probes give up: a sensor that hangs must not make a new container unhealthy.
PROBE_TIMEOUT = 5.0
PAGE = f"""<!DOCTYPE html>
<html lang="en"><head><title>Sensor service</title></head><body>
<h1>Sensor service {VERSION}</h1>
<p><a href="/metrics">Metrics</a>, <a href="/healthz">health</a></p>
</body></html>
"""


class Bell:
    """A pipe that ends a poll from another thread or from a signal."""

    __slots__ = ("reader", "writer")

    def __init__(self) -> None:
        """Opens the pipe."""
        self.reader, self.writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def ring(self) -> None:
        """Ends the poll. A full pipe has rung already."""
        try:
            os.write(self.writer, b"\0")
        except OSError:
            return

    def quiet(self) -> None:
        """Takes what has rung."""
        try:
            os.read(self.reader, 512)
        except BlockingIOError:
            return


class Server:
    """Serves connections to `listener` until `stop` is called, from any thread or a signal's handler."""

    def __init__(self, listener: socket, scraper: Scraper, bell: Bell) -> None:
        """Takes over the listener; `bell` is the one that the scraper's runner rings."""
        self._listener = listener
        self._scraper = scraper
        self._bell = bell
        self._poll = select.poll()
        self._connections: dict[int, Connection] = {}
        self._accepting = False
        self._stopping = False

    def stop(self) -> None:
        """Makes `serve` return at once."""
        self._stopping = True
        self._bell.ring()

    def serve(self) -> None:
        """Serves until stopped, then closes every connection and the listener."""
        self._poll.register(self._bell.reader, select.POLLIN)
        while not self._stopping:
            self._listen()
            for descriptor, _ in self._poll.poll(self._patience()):
                self._handle(descriptor, time.monotonic())
            now = time.monotonic()
            if self._scraper.running:
                self._finish(now)
            self._expire(now)
        for connection in self._connections.values():
            connection.close()
        self._listener.close()

    def _listen(self) -> None:
        """Takes new connections only while there is a place for one."""
        wanted = len(self._connections) < MAX_CONNECTIONS
        if wanted and not self._accepting:
            self._poll.register(self._listener, select.POLLIN)
        elif self._accepting and not wanted:
            self._poll.unregister(self._listener)
        self._accepting = wanted

    def _patience(self) -> int | None:
        """Returns how long the poll may last, in milliseconds; None is until something happens."""
        times = [connection.expires for connection in self._connections.values()]
        if self._scraper.running:
            times.append(self._scraper.next_check())
        # rounded up: a poll that ends a moment early would only be repeated
        return max(0, int((min(times) - time.monotonic()) * 1000) + 1) if times else None

    def _handle(self, descriptor: int, now: float) -> None:
        if descriptor == self._bell.reader:
            self._bell.quiet()
        elif descriptor == self._listener.fileno():
            accepted = accept(self._listener)
            if accepted:
                self._connections[accepted.fileno()] = Connection(accepted, now)
                self._poll.register(accepted, select.POLLIN)
        elif descriptor in self._connections:
            connection = self._connections[descriptor]
            connection.ready(now)
            if connection.request and connection.state == READING:
                self._answer(connection, connection.request, now)
            self._settle(descriptor, connection)

    def _settle(self, descriptor: int, connection: Connection) -> None:
        """Tells the poll of a connection's new state."""
        if connection.state == CLOSED:
            self._poll.unregister(descriptor)
            del self._connections[descriptor]
        else:
            self._poll.modify(descriptor, EVENTS[connection.state])

    def _answer(self, connection: Connection, request: Request, now: float) -> None:
        head_only = request.method == "HEAD"
        if request.path not in ("/metrics", "/healthz", "/"):
            connection.answer(respond(404, b"there is /metrics, /healthz and /\n", head_only=head_only), now)
        elif request.method not in ("GET", "HEAD"):
            connection.answer(respond(405, b"only GET and HEAD\n"), now)
        elif request.path == "/":
            connection.answer(respond(200, PAGE.encode(), HTML, head_only), now)
        elif request.path == "/healthz" and self._scraper.healthy():
            connection.answer(self._health(head_only), now)
        else:
            if not self._scraper.running:
                self._scraper.start(PROBE_TIMEOUT if request.path == "/healthz" else request.timeout)
            connection.wait()

    def _finish(self, now: float) -> None:
        """Ends the scrape if its collectors have answered, and gives it to everyone who waits."""
        waiting = [
            (descriptor, connection, connection.request)
            for descriptor, connection in self._connections.items()
            if connection.state == WAITING and connection.request
        ]
        wanted = {wants_openmetrics(request.accept) for _, _, request in waiting if request.path == "/metrics"}
        pages = self._scraper.finish(wanted)
        if pages is None:
            return
        for descriptor, connection, request in waiting:
            head_only = request.method == "HEAD"
            if request.path == "/healthz":
                answer = self._health(head_only)
            else:
                openmetrics = wants_openmetrics(request.accept)
                kind = OPENMETRICS_TYPE if openmetrics else TEXT_TYPE
                answer = respond(200, pages[openmetrics], kind, head_only)
            connection.answer(answer, now)
            self._settle(descriptor, connection)

    def _health(self, head_only: bool) -> bytes:
        names = self._scraper.failing()
        healthy = self._scraper.healthy()
        verdict = "ok; failing collectors" if healthy else "no collector has delivered a series; failing"
        lines = [f"{verdict}: {', '.join(names) or 'none'}\n"]
        lines += [f"{name}: {self._scraper.reason(name)}\n" for name in names]
        # a file's name need not be text
        return respond(200 if healthy else 503, "".join(lines).encode("utf-8", "backslashreplace"), head_only=head_only)

    def _expire(self, now: float) -> None:
        for descriptor, connection in list(self._connections.items()):
            if connection.expires <= now:
                connection.expire(now)
                self._settle(descriptor, connection)
