"""Computers that this one stands for: each is a network of its own, in which every address is the product's own.

A container that does nothing holds the network; those of the hub, or of the robots, share it. They are on the
engine's own bridge, and nothing listens on this computer. Needs root: it enters those networks to ask there.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from benchmarks.running import LABEL

from .tidy import OURS

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

IMAGE = "alpine:3.23"
LASTS_SECONDS = 7200  # a network that nobody takes away ends by itself
BRIDGE, DEVICE = "bridge", "eth0"
CLONE_NEWNET = 0x40000000  # include/uapi/linux/sched.h


@dataclass
class Place:
    """One such computer while it is there: a context that leaves nothing behind."""

    engine: DockerClient
    name: str
    container: Container = field(init=False)
    address: str = ""
    pid: int = 0

    def __enter__(self) -> Self:
        """Have it. Raises RuntimeError where the engine has no bridge."""
        self.container = self.engine.containers.run(
            IMAGE, ["sleep", str(LASTS_SECONDS)], network_mode=BRIDGE, labels={LABEL: self.name, **OURS}, detach=True
        )
        try:
            self.container.reload()
            found = self.container.attrs
            self.pid = int(found["State"]["Pid"])
            self.address = str(found["NetworkSettings"]["Networks"].get(BRIDGE, {}).get("IPAddress") or "")
            if not self.address:
                raise RuntimeError("the engine's network 'bridge' gives its containers no address")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Have it no more."""
        self.container.remove(force=True, v=True)

    @property
    def inside(self) -> list[str]:
        """The program that starts another one there."""
        return ["nsenter", f"--net=/proc/{self.pid}/ns/net"]

    def connection(self, address: str, timeout: float) -> HTTPConnection:
        """Return a connection that begins there: loopback is that computer's."""
        return _Connection(self.pid, address, timeout)

    def traffic(self) -> Traffic:
        """Return what its network device has counted."""
        return Traffic.of(Path(f"/proc/{self.pid}/net/dev").read_text(encoding="ascii"))


@dataclass(frozen=True)
class Traffic:
    """Bytes that a computer got and sent, with the headers of Ethernet, IP, TCP and TLS."""

    received: int
    sent: int

    @classmethod
    def of(cls, text: str, device: str = DEVICE) -> Traffic:
        """Read /proc/net/dev: a line for each device, received bytes first, sent bytes in the ninth column."""
        rows = (line.partition(":") for line in text.splitlines())
        numbers = next(rest.split() for name, _, rest in rows if name.strip() == device)
        return cls(int(numbers[0]), int(numbers[8]))

    def __sub__(self, before: Traffic) -> Traffic:
        """Return what came and went since ``before``."""
        return Traffic(self.received - before.received, self.sent - before.sent)


class _Connection(HTTPConnection):
    """A socket belongs to the network in which it was made, whoever uses it afterwards."""

    def __init__(self, pid: int, address: str, timeout: float) -> None:
        super().__init__(address, timeout=timeout)
        self._pid = pid

    def connect(self) -> None:
        """Connect from within that network."""
        with _entered(self._pid):
            super().connect()


@contextmanager
def _entered(pid: int) -> Iterator[None]:
    """Be in the network of process ``pid``: this thread alone. Raises OSError."""
    with ExitStack() as files:
        own, there = (os.open(f"/proc/{who}/ns/net", os.O_RDONLY) for who in ("thread-self", pid))
        files.callback(os.close, own)
        files.callback(os.close, there)
        _set_network(there)
        try:
            yield
        finally:
            _set_network(own)


def _set_network(descriptor: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def ask(place: Place, address: str, path: str, headers: Mapping[str, str], timeout: float = 30.0) -> str:
    """Return a page of ``address`` at ``place``. Raises OSError where it is none."""
    connection = place.connection(address, timeout)
    try:
        connection.request("GET", path, headers=dict(headers))
        answer = connection.getresponse()
        words = answer.read().decode(errors="replace")
    except HTTPException as error:
        raise OSError(f"{address}{path}: {error!r}") from error
    finally:
        connection.close()
    if answer.status != 200:
        raise OSError(f"{address}{path}: HTTP {answer.status}: {words[:200]}")
    return words
