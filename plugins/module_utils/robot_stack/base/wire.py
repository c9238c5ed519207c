"""HTTP with somebody who is not ours to trust: an answer is bounded in bytes, and by one deadline for the whole.

A socket's own timeout begins anew with each byte: whoever sends one now and then would be listened to for ever. And
`read()` of http.client makes room for what an answer announces, before any of it has come.
"""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Iterator
from typing import Any

PIECE = 64 * 1024
LARGEST_HEAD = 64 * 1024  # status line, headers and sizes of chunks, beside the body
LARGEST_BODY = 1 << 20
FAILURES = (OSError, http.client.HTTPException, ValueError)  # what asking raises, whatever is answered


class TooLongError(OSError):
    """More was sent than is read of anybody."""


class _Socket(socket.socket):
    """Sends and receives until one moment, receives so many bytes, and waits for each of them so long."""

    _until, _silence, _left = 0.0, 0.0, 0

    def bound(self, until: float, silence: float, largest: int) -> None:
        """Set the bounds: a moment of `time.monotonic`, seconds, bytes."""
        self._until, self._silence, self._left = until, silence, largest

    def _wait(self) -> None:
        left = self._until - time.monotonic()
        if left <= 0:
            raise socket.timeout("the answer took too long")
        self.settimeout(min(left, self._silence))

    def recv_into(self, *arguments: Any) -> int:  # all that http.client receives with
        """Receive, or raise TimeoutError (`socket.timeout`) or `TooLongError`."""
        self._wait()
        size = super().recv_into(*arguments)
        self._left -= size
        if self._left < 0:
            raise TooLongError("the answer is longer than allowed")
        return size

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send all of it, or raise TimeoutError."""
        view = memoryview(data).cast("B")
        while view:
            self._wait()
            view = view[self.send(view, flags) :]


class Connection(http.client.HTTPConnection):
    """For one question, whose answer is there ``seconds`` after this was made, connecting and sending included.

    Its body has at most ``largest`` bytes. ``silence``: the seconds after which nothing more is waited for.
    """

    def __init__(self, host: str, port: int | None, seconds: float, largest: int, silence: float | None = None) -> None:
        """Nothing is sent yet."""
        super().__init__(host, port, timeout=seconds)
        self._until, self._largest = time.monotonic() + seconds, largest
        self._silence = seconds if silence is None else silence

    def connect(self) -> None:
        """Connect, or raise OSError."""
        plain = self.connecting(max(0.001, self._until - time.monotonic()))
        bounded = _Socket(fileno=plain.detach())
        bounded.bound(self._until, self._silence, self._largest + LARGEST_HEAD)
        self.sock = bounded

    def connecting(self, seconds: float) -> socket.socket:
        """Return a socket that was connected within ``seconds``."""
        return socket.create_connection((self.host, self.port), seconds)

    def pieces(self, response: http.client.HTTPResponse) -> Iterator[bytes]:
        """Yield an answer's body; raises one of `FAILURES` where it is not whole, too long or too slow."""
        length, size = response.length, 0
        if length is not None and length > self._largest:
            raise TooLongError(f"the answer is longer than {self._largest // 1024} KiB")
        while True:
            piece = response.read(PIECE)
            size += len(piece)
            if size > self._largest:
                raise TooLongError(f"the answer is longer than {self._largest // 1024} KiB")
            if not piece:
                break
            yield piece
        if length is not None and size < length:
            raise http.client.IncompleteRead(b"", length - size)
