"""One client's connection: reading its request, waiting for a scrape, writing the answer, saying good-bye.

No step may take longer than its time, so that a slow or stuck client gives its place away.
"""

from __future__ import annotations

import select

from . import request
from .response import respond

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket

    from .request import Request

READING = 0
WAITING = 1
WRITING = 2
LEAVING = 3
CLOSED = 4
# What poll should tell in each state. A waiting connection is silent; a failed one is told anyway.
EVENTS = (select.POLLIN, 0, select.POLLOUT, select.POLLIN, 0)
READ_SECONDS = 5.0
WRITE_SECONDS = 10.0
LEAVE_SECONDS = 1.0
CHUNK = 4096


class Connection:
    """A connection and its state; `expires` is when that state has lasted too long (monotonic seconds)."""

    __slots__ = ("_answer", "_received", "_socket", "expires", "request", "state")

    def __init__(self, accepted: socket, now: float) -> None:
        """Takes over a socket that does not block."""
        self._socket = accepted
        self._received = b""
        self._answer = memoryview(b"")
        self.request: Request | None = None
        self.state = READING
        self.expires = now + READ_SECONDS

    def fileno(self) -> int:
        """Returns the descriptor of the connection's socket."""
        return self._socket.fileno()

    def ready(self, now: float) -> None:
        """Does what its state can do without blocking. `request` is set when a whole one has arrived."""
        try:
            if self.state == READING:
                self._read(now)
            elif self.state == WRITING:
                self._write(now)
            elif self.state == LEAVING:
                # what the client still sends must be taken, or closing would take the answer back from it
                if not self._socket.recv(CHUNK):
                    self.close()
            else:
                self.close()  # a waiting client that is told of is gone
        except BlockingIOError:
            return
        except OSError:
            self.close()

    def wait(self) -> None:
        """Waits for a scrape, which has a deadline of its own."""
        self.state = WAITING
        self.expires = request.NEVER

    def answer(self, answer: bytes, now: float) -> None:
        """Begins to send an answer."""
        self._answer = memoryview(answer)
        self._received = b""
        self.state = WRITING
        self.expires = now + WRITE_SECONDS
        self.ready(now)

    def expire(self, now: float) -> None:
        """Ends a state that has lasted too long: a request that never came is told so, the rest is closed."""
        if self.state == READING and self._received:
            self.answer(respond(408, b"the request took too long\n"), now)
        else:
            self.close()

    def close(self) -> None:
        """Closes the connection, whatever its state."""
        self._socket.close()
        self.state = CLOSED

    def _read(self, now: float) -> None:
        received = self._socket.recv(CHUNK)
        if not received:
            self.close()
            return
        self._received = (self._received + received).lstrip(b"\r\n")  # which no bound of the request counts
        try:
            self.request = request.parse(self._received)
        except request.BadRequest as error:
            self.answer(respond(error.status, f"{error}\n".encode()), now)

    def _write(self, now: float) -> None:
        sent = self._socket.send(self._answer)
        self._answer = self._answer[sent:]
        if not self._answer:
            self._socket.shutdown(1)  # no more from here
            self.state = LEAVING
            self.expires = now + LEAVE_SECONDS
