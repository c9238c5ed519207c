"""A service that runs in a thread of the test, on a free port, with any collectors."""

from __future__ import annotations

import re
import socket
import threading
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING

from sensor_service.catalogue import COLLECTORS, SIMULATED
from sensor_service.connection import WAITING
from sensor_service.listen import listen
from sensor_service.robot import Robot
from sensor_service.runner import Runner
from sensor_service.scraper import Scraper
from sensor_service.server import Bell, Server

if TYPE_CHECKING:
    from collections.abc import Callable

    from sensor_service.catalogue import Collector
    from sensor_service.process import Start

NOWHERE = Path("/nonexistent")
# Seconds that a client waits, and a test for what must come: only what never comes takes as long.
PATIENCE = 20.0
OPENMETRICS = "application/openmetrics-text; version=1.0.0"


class Answer:
    """A whole HTTP answer."""

    def __init__(self, status: int, headers: dict[str, str], body: str) -> None:
        self.status = status
        self.headers = headers
        self.body = body


class Service:
    """The service on a robot's tree; `log` holds what it would write to the container's log."""

    def __init__(
        self,
        root: Path = NOWHERE,
        collectors: dict[str, Collector] | None = None,
        deadline: float = 60.0,  # a machine that stalls is no hanging sensor
        filesystems: dict[str, str] | None = None,
        now: Callable[[], float] = lambda: 1_000_000.0,
        textfiles: str = "",
        start: Start | None = None,
    ) -> None:
        self.log: list[str] = []
        bell = Bell()
        robot = Robot(str(root / "proc"), str(root / "sys"), filesystems, textfiles=textfiles, now=now)
        real = {name: collect for name, collect in COLLECTORS.items() if name != SIMULATED}
        chosen = collectors if collectors is not None else real
        self.runner = Runner(robot, chosen, deadline, bell.ring)
        self.scraper = Scraper(self.runner, self.log.append, start=start)
        listener = listen(("127.0.0.1", 0))
        self.port: int = listener.getsockname()[1]
        self.server = Server(listener, self.scraper, bell)
        self._thread = threading.Thread(target=self.server.serve, daemon=True)
        self._thread.start()

    def get(self, path: str = "/metrics", method: str = "GET", accept: str = "*/*", timeout: str = "") -> Answer:
        """Asks, as a scraper that tells after how many seconds it gives up, where there is a `timeout`."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        told = {"X-Prometheus-Scrape-Timeout-Seconds": timeout} if timeout else {}
        connection.request(method, path, headers={"Accept": accept, **told})
        response = connection.getresponse()
        body = response.read().decode()
        connection.close()
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, body)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    @property
    def waiting(self) -> int:
        """How many have asked for the scrape that is under way."""
        return [one.state for one in list(self.server._connections.values())].count(WAITING)

    @property
    def thread_id(self) -> int | None:
        return self._thread.native_id

    def stop(self) -> None:
        self.server.stop()
        self._thread.join(timeout=5)
        assert not self._thread.is_alive()


def until(reached: Callable[[], bool]) -> None:
    """Waits for a condition."""
    ends = time.monotonic() + PATIENCE
    while not reached():
        assert time.monotonic() < ends, "it does not come"
        time.sleep(0.01)


class Series(dict[str, float]):
    """Values by `name{labels}`; labels in any order are the same series."""

    def __getitem__(self, name: str) -> float:
        return super().__getitem__(normal(name))

    def __contains__(self, name: object) -> bool:
        return super().__contains__(normal(str(name)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, dict):
            return NotImplemented
        return dict(self.items()) == {normal(name): value for name, value in other.items()}

    __hash__ = None


def normal(series_name: str) -> str:
    """Returns `name{labels}` with its labels in order."""
    name, brace, labels = series_name.partition("{")
    pairs = re.findall(r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\]|\\.)*"', labels)
    return f"{name}{{{','.join(sorted(pairs))}}}" if brace else name


def series(page: str) -> Series:
    """Returns the values of a page by `name{labels}`."""
    found = Series()
    for line in page.split("\n"):
        if line and not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            found[normal(name)] = float(value)
    return found
