"""Robots that send: a vmagent for each, as its role makes it, with an hour of samples that the hub does not have yet.

What differs from a robot of a fleet: nothing is read (the hour is handed over, as text on loopback), nothing paces
what is sent, and a hub that is away is tried again each second, so that all robots send as soon as it listens: the
worst case.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.client import HTTPConnection
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from benchmarks import feeding, fleet, product
from benchmarks.feeding import Post
from benchmarks.running import Program

from .hosts import Secrets, urls
from .places import Place, ask
from .there import There

if TYPE_CHECKING:
    from docker import DockerClient

FIRST_PORT = 20_000
AT_ONCE = 4
MOST_SECONDS = 300  # until all of them have their hour
# What stands for a robot's own words, in a spec that is shared by all that send to the same addresses.
NAME, PASSWORD, ADDRESS = "name-of-the-robot", "password-of-the-robot", "127.0.0.1:65535"
OTHERWISE: dict[str, Any] = {
    "promscrape.config": None,
    "remoteWrite.rateLimit": None,
    "remoteWrite.retryMaxInterval": "1s",
}


def address(number: int) -> str:
    """Return where robot ``number`` listens, at the place of all robots."""
    return f"127.0.0.1:{FIRST_PORT + number}"


def program(number: int, send_to: Sequence[str], secrets: Secrets, series: int) -> Program:
    """Return the agent of robot ``number``, which sends to the addresses ``send_to``."""
    name = fleet.name(number)
    text = _spec(tuple(send_to), secrets.authority.pem, series)
    for placeholder, own in ((NAME, name), (PASSWORD, secrets.of_robots[name]), (ADDRESS, address(number))):
        text = text.replace(placeholder, own)
    spec = json.loads(text)
    return Program(name, spec, int(spec["memory_limit_mib"]), address(number), "/health")


@cache
def _spec(send_to: tuple[str, ...], authority: str, series: int) -> str:
    """Return the spec of whichever robot sends there, as JSON: to make one takes a third of a second."""
    spec = product.service("vmagent", **inventory(NAME, send_to, PASSWORD, authority, ADDRESS, series))
    return json.dumps(spec)


def inventory(
    name: str, send_to: Sequence[str], password: str, authority: str, listens: str, series: int
) -> dict[str, Any]:
    """Return what the inventory says of a robot."""
    return {
        "inventory_hostname": name,
        "group_names": ["robots"],
        "vmagent_hub_url": send_to[0],
        "vmagent_hub_urls": list(send_to),
        "vmagent_hub_password": password,
        "vmagent_hub_ca": authority,
        "vmagent_expected_series": series,
        "vmagent_accepts_writes": True,
        "vmagent_listen_address": listens,
        "vmagent_flags_extra": OTHERWISE,
    }


@dataclass
class Robots:
    """Robots while they run, all of them at one place: a context that leaves nothing behind."""

    engine: DockerClient
    place: Place
    secrets: Secrets
    series: int
    addresses: Mapping[str, str]  # of the hub's hosts, by their names
    running: list[There] = field(default_factory=list)

    def __enter__(self) -> Self:
        """Start as many as there are passwords. Raises RuntimeError."""
        numbers = range(self.secrets.robots)
        # One after the other: Ansible's templates are not made for threads.
        made = [program(number, self.send_to(number), self.secrets, self.series) for number in numbers]
        try:
            self._each(self._start, made)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove them."""
        self._each(lambda robot: robot.__exit__(None, None, None), self.running)

    def _each(self, work: Callable[[Any], object], things: list[Any]) -> None:
        """Do it with some of them at once: an engine takes half a second for each."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            try:
                for _ in pool.map(work, things):
                    pass
            finally:
                pool.shutdown(cancel_futures=True)

    def _start(self, robot: Program) -> None:
        self.running.append(There(self.engine, robot, place=self.place, shares_text=True).__enter__())

    def send_to(self, number: int) -> list[str]:
        """Return where robot ``number`` sends."""
        return urls(self.addresses, fleet.name(number))

    def given(self, robots: int, rounds: int, watch: Callable[[], object]) -> int:
        """Give each of the first ``robots`` so many scrapes and return the moment of the first one (s since 1970).

        Raises RuntimeError as `feeding.each` does.
        """
        start = feeding.begin(rounds)
        known = fleet.scrapes(self.series, robots, rounds, start, rules=False)

        @contextmanager
        def client() -> Iterator[Post]:
            connections: dict[int, HTTPConnection] = {}

            def post(number: int, turn: int) -> bytes:
                if number not in connections:
                    connections[number] = self.place.connection(address(number), feeding.TIMEOUT_SECONDS)
                body = fleet.sent(known, number, turn, start, labelled=False)
                return feeding.ask(connections[number], "POST", feeding.IMPORT, body)

            try:
                yield post
            finally:
                for connection in connections.values():
                    connection.close()

        feeding.each(robots, rounds, client, watch, MOST_SECONDS)
        return start

    def pages(self, robots: int, watch: Callable[[], object]) -> list[str]:
        """Return the first ``robots``' pages of metrics; call ``watch`` after each. Raises OSError."""
        found = []
        for number in range(robots):
            found.append(ask(self.place, address(number), "/metrics", {}))
            watch()
        return found
