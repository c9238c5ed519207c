"""A service or an engine that means harm: it answers every connection with bytes of its own choice."""

from __future__ import annotations

import itertools
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress

OK = b"HTTP/1.1 200 OK\r\n"


class Hostile:
    """Use as a context. ``answer`` gives the pieces of an answer, for each connection anew; it may never end."""

    def __init__(self, answer: Iterable[bytes], unix: bool = False) -> None:
        self.answer, self.sent = answer, 0
        self._folder = tempfile.mkdtemp(prefix="hostile-")
        self.path = f"{self._folder}/s"
        self._listener = socket.socket(socket.AF_UNIX if unix else socket.AF_INET)
        self._listener.bind(self.path if unix else ("127.0.0.1", 0))
        self._ended = threading.Event()
        self._serving = threading.Thread(target=self._serve, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Hostile:
        self._listener.listen(8)
        self._serving.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        # wakes who waits for connections: closed under its hands, the descriptor would be the next listener's, and so
        # would be the connection that it takes
        self._listener.shutdown(socket.SHUT_RDWR)
        self._serving.join()
        self._listener.close()
        shutil.rmtree(self._folder)

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            connection.recv(65536)
            for piece in self.answer:
                if piece == PAUSE:
                    if self._ended.wait(0.1):
                        return
                    continue
                connection.sendall(piece)
                self.sent += len(piece)
            with suppress(OSError):
                connection.shutdown(socket.SHUT_WR)
            self._ended.wait(1 if not self.sent else 0)


PAUSE = b"\0pause"


class Again:
    """An answer that can be given any number of times: a beginning, and then ``forever`` again and again."""

    def __init__(self, *beginning: bytes, forever: Iterable[bytes] = ()) -> None:
        self._beginning, self._forever = beginning, tuple(forever)

    def __iter__(self) -> Iterator[bytes]:
        return itertools.chain(self._beginning, itertools.cycle(self._forever))


ENDLESS_BODY = Again(OK + b"\r\n", forever=[b"x" * 65536])
ENDLESS_CHUNKS = Again(OK + b"Transfer-Encoding: chunked\r\n\r\n", forever=[b"10000\r\n" + b"x" * 65536 + b"\r\n"])
ENDLESS_HEADERS = Again(OK, forever=[b"a: " + b"x" * 60000 + b"\r\n"])
ENDLESS_CONTINUE = Again(forever=[b"HTTP/1.1 100 Continue\r\n\r\n" * 1000])
DRIP = Again(OK + b"\r\n", forever=[b"x", PAUSE])
DRIP_OF_HEADERS = Again(OK, forever=[b"a: b\r\n", PAUSE])
ANNOUNCES_MUCH = Again(OK + b"Content-Length: 99999999999999999\r\n\r\n", forever=[PAUSE])
ANNOUNCES_A_LARGE_CHUNK = Again(OK + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\n", forever=[b"x" * 65536])
SILENT = Again(forever=[PAUSE])

FLOODS = [ENDLESS_BODY, ENDLESS_CHUNKS, ENDLESS_HEADERS, ENDLESS_CONTINUE, ANNOUNCES_MUCH, ANNOUNCES_A_LARGE_CHUNK]
DRIPS = [DRIP, DRIP_OF_HEADERS, SILENT]
