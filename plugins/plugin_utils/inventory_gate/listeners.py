"""Services of one robot that want to listen on one port: the second of them would not start."""

from __future__ import annotations

from collections.abc import Iterator

from .declaration import Fault, Robot, fault

EVERYWHERE = ("", "0.0.0.0", "[::]", "[::0]")  # noqa: S104 (what an inventory may say)


Wanted = tuple[str, str, str, int]  # service, variable ("": the role has none for it), host, port


def check(robot: Robot) -> list[Fault]:
    """Return the listening addresses of ``robot`` that another service of its wants, too."""
    found: list[Fault] = []
    wanted = list(_wanted(robot))
    for number, one in enumerate(wanted):
        for other in wanted[:number]:
            if one[3] == other[3] and _meet(one[2], other[2]):
                blamed, has = (one, other) if one[1] or not other[1] else (other, one)
                why = f"{has[1] or has[0]} has port {has[3]} already: one of the two services would not start"
                address = None if blamed[1] else f"{blamed[2]}:{blamed[3]}"
                variable = blamed[1] or f"{blamed[0]}_spec"
                found.append(fault(robot, variable, why, "give one of them another port", address))
    return found


def _meet(host: str, other: str) -> bool:
    return host == other or host in EVERYWHERE or other in EVERYWHERE


def _wanted(robot: Robot) -> Iterator[Wanted]:
    for service in robot.services:
        own = f"{service}_listen_address"
        listed = [robot.values[own]] if own in robot.values else robot.part(service, "listens")[0]
        for address in listed if isinstance(listed, (list, tuple)) else ():
            host, _, port = address.rpartition(":") if isinstance(address, str) else ("", "", "")
            if port.isdecimal():
                host = "127.0.0.1" if host == "localhost" else host
                yield service, _variable(robot, service, address), host, int(port)


def _variable(robot: Robot, service: str, address: str) -> str:
    """Return the variable that says this: the service's own, or one of the role that it is part of."""
    words, written = service.split("_"), {**robot.strangers, **robot.values}
    names = ("_".join([*words[:count], "listen_address"]) for count in range(len(words), 0, -1))
    return next((name for name in names if written.get(name) == address), "")
