"""Services of one robot that want to listen on one port: the second of them would not start."""

from __future__ import annotations

from collections.abc import Iterator

from .declaration import Fault, Robot, fault

EVERYWHERE = ("", "0.0.0.0", "[::]", "[::0]")  # noqa: S104 (what an inventory may say)


def check(robot: Robot) -> list[Fault]:
    """Return the listening addresses of ``robot`` that another service of its wants, too."""
    found: list[Fault] = []
    wanted = list(_wanted(robot))
    for number, (variable, host, port) in enumerate(wanted):
        for other, other_host, other_port in wanted[:number]:
            if port == other_port and (host == other_host or host in EVERYWHERE or other_host in EVERYWHERE):
                why = f"{other} has port {port} already: one of the two services would not start"
                found.append(fault(robot, variable, why, "give one of them another port"))
    return found


def _wanted(robot: Robot) -> Iterator[tuple[str, str, int]]:
    for service in robot.services:
        variable = f"{service}_listen_address"
        address = robot.values.get(variable)
        host, _, port = address.rpartition(":") if isinstance(address, str) else ("", "", "")
        if port.isdecimal():
            yield variable, "127.0.0.1" if host == "localhost" else host, int(port)
