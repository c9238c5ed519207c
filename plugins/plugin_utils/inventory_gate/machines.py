"""Two names of one machine: it would be deployed twice, and its samples would bear the wrong name.

An inventory tells that by addresses; where two of them lead to one machine, that machine says so (plan/preflight.py).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from .declaration import Fault

LOOPBACK = ("localhost", "127.0.0.1", "::1")
USUAL_PORT = "22"
WHY = "has this address and port, too: one machine would be deployed under two names, its samples under the wrong one"
REMEDY = (
    "leave one of the two names, or correct ansible_host and ansible_port; machines that have one address behind "
    "different jump hosts differ in ansible_ssh_common_args"
)


@dataclass(frozen=True)
class Reached:
    """How a host is reached; ``way`` is what stands between, such as jump hosts."""

    name: str
    connection: str = "ssh"
    address: str = ""
    port: str = USUAL_PORT
    way: str = ""
    origin: str = ""

    @property
    def shown(self) -> str:
        """The address as a person writes it."""
        if self.connection == "local":
            return "this machine (ansible_connection: local)"
        bare = self.address or self.name
        return f"{f'[{bare}]' if ':' in bare else bare}:{self.port or USUAL_PORT}"

    @property
    def machine(self) -> tuple[str, ...]:
        """What is the same for two names of one machine."""
        if self.connection == "local":
            return ("local",)
        kind = "ssh" if self.connection in ("ssh", "smart", "paramiko", "paramiko_ssh") else self.connection
        return kind, _plain(self.address or self.name), self.port or USUAL_PORT, " ".join(self.way.split())


def apart(hosts: Sequence[Reached], others: Sequence[Reached] = ()) -> list[Fault]:
    """Return a fault for each of ``hosts`` that has an earlier one's machine, or that of one of the ``others``."""
    seen: dict[tuple[str, ...], str] = {other.machine: other.name for other in others}
    faults = []
    for host in hosts:
        first = seen.setdefault(host.machine, host.name)
        if first != host.name:
            faults.append(Fault(host.name, "ansible_host", host.shown, f"{first} {WHY}", REMEDY, host.origin))
    return faults


def _plain(address: str) -> str:
    """Return one spelling of an address: 127.0.0.1 is localhost, and IPv6 has many."""
    bare = address.strip("[]").rstrip(".").lower()
    if bare in LOOPBACK:
        return LOOPBACK[0]
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        return bare
