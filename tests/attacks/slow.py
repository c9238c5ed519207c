"""Uploads that do not end: each says how long it will be, sends a part of it, and then keeps its connection.

One thread holds them all, so that hundreds cost this machine little.
"""

from __future__ import annotations

import socket
import ssl
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType

CONNECT_SECONDS = 20


@dataclass
class Uploads:
    """``count`` uploads to ``port`` of loopback, each of ``sent`` bytes of ``said``, until they are let go."""

    port: int
    trusted: ssl.SSLContext
    headers: Mapping[str, str]
    count: int
    sent: int
    said: int
    held: list[ssl.SSLSocket] = field(default_factory=list)
    refused: int = 0

    def __enter__(self) -> Uploads:
        """Begin them."""
        lines = [f"{name}: {text}" for name, text in {**self.headers, "Content-Length": str(self.said)}.items()]
        begin = "\r\n".join(["POST /api/v1/write HTTP/1.1", "Host: hub", *lines, "", ""]).encode()
        for _ in range(self.count):
            try:
                plain = socket.create_connection(("127.0.0.1", self.port), CONNECT_SECONDS)
                one = self.trusted.wrap_socket(plain, server_hostname="127.0.0.1")
                one.sendall(begin + b"\0" * self.sent)
                self.held.append(one)
            except OSError:
                self.refused += 1
        return self

    def answers(self) -> Counter[str]:
        """Return what was answered to those that are held, without waiting: its first line, or "" for nothing yet."""
        found: Counter[str] = Counter()
        for one in self.held:
            one.settimeout(0.01)
            try:
                found[one.recv(64).decode(errors="replace").split("\r\n")[0] or "closed"] += 1
            except OSError as silence:
                found["" if isinstance(silence, TimeoutError) else "broken"] += 1
        return found

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let them go."""
        for one in self.held:
            one.close()
