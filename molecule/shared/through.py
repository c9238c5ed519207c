"""A host of a cluster, asked as one database is: what it answers is what all storages have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import telemetry
from telemetry import Ledger
from waiting import until

FLUSH = f"{telemetry.STORAGE}/internal/force_flush"
SELECT = "http://127.0.0.1:8481/select/0/prometheus"
STORAGE = "http://127.0.0.1:8482"
QUEUES = ("1:secret-url", "2:secret-url")  # of a robot, one for each entry point that it sends to


class Through:
    """``host``, whose vmselect is asked where telemetry.py asks a database; ``hosts`` are all of the cluster."""

    def __init__(self, host: Any, hosts: Sequence[Any]) -> None:
        self.host, self.hosts = host, hosts
        self.away: set[str] = set()  # hosts whose storage does not answer now
        self.name = host.name

    def run(self, command: str) -> str:
        """Run a command on the host."""
        return str(self.host.run(command))

    def get(self, url: str) -> str:
        """Return what is answered; "what you have in memory, show it" goes to each storage that answers."""
        if url != FLUSH:
            return str(self.host.get(url.replace(telemetry.STORAGE, SELECT, 1)))
        for one in self.hosts:
            if one.name not in self.away:
                until(partial(_shows, one), f"the storage of {one.name} answers")
        return ""


def _shows(host: Any) -> bool:
    """Have a storage show what it has in memory; False where it was just started, and does not listen yet."""
    try:
        host.get(f"{STORAGE}/internal/force_flush")
    except AssertionError:
        return False
    return True


@contextmanager
def storage_away(name: str, through: dict[str, Through]) -> Iterator[None]:
    """While the context lasts nobody asks this host's storage to show what it has in memory."""
    for one in through.values():
        one.away.add(name)
    try:
        yield
    finally:
        for one in through.values():
            one.away.discard(name)


def everything_arrived(through: Through, fleet: dict[str, Any]) -> None:
    """Wait until fresh samples of each robot are there, and it has sent its backlog to one entry point at least."""

    def waiting(robot: Any) -> float:
        return min(telemetry.agent(robot, "vmagent_remotewrite_pending_data_bytes", queue) for queue in QUEUES)

    for robot in fleet.values():
        telemetry.arrive(through, robot.name)
        until(partial(lambda robot: waiting(robot) < 64 * 1024, robot), f"{robot.name} sends its backlog")


def counted(through: Sequence[Through], fleet: dict[str, Any], began: float) -> list[Ledger]:
    """Return what is there of each robot since ``began``, asked through each of these hosts.

    Raises AssertionError where a sample is lost, DuplicateError where one is there twice, and AssertionError where the
    hosts do not answer alike.
    """
    for one in through:
        everything_arrived(one, fleet)
    ended = min(telemetry.settled(one, *fleet) for one in through)
    found = []
    for name in fleet:
        ledgers = [telemetry.ledger(one, name, (began, ended)) for one in through]
        for there in ledgers:
            assert there.lost_answers() == []
            assert there.incomplete("sensor_service") == {}
            assert there.of_job("sensor_service") == ledgers[0].of_job("sensor_service")
        found.append(ledgers[0])
    return found
