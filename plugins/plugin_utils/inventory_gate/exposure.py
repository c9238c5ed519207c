"""Who can reach what: nothing is open to a network in the clear or without a password unless somebody says so, and
what is declared is really read."""

from __future__ import annotations

import ipaddress
from typing import Any

from .declaration import Fault, Robot, fault

VICTORIAMETRICS = "victoriametrics_listen_address"
USERNAME = "victoriametrics_http_username"
PASSWORD = "victoriametrics_http_password"  # noqa: S105 (a variable's name)
SENSOR = "sensor_service_listen_address"
FILESYSTEMS = "sensor_service_filesystems"
TEXTFILES = "sensor_service_textfile_directory"
IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
WRITTEN_INTO = "/run/robot-stack/metrics"  # by the watchdog
WITHOUT = f"or, to do without this robot's verdicts in metrics as well, write {FILESYSTEMS}: []"


def check(robot: Robot) -> list[Fault]:
    """Return what is open without a password, and what nobody reads."""
    password = _password(robot) if "victoriametrics" in robot.services else []
    return password + _in_the_clear(robot) + _scraped(robot) + _figures(robot)


def is_loopback(address: str) -> bool:
    """Whether only the robot itself can reach ``address`` (host:port)."""
    host = address.rpartition(":")[0]
    found = _numeric(host)
    return host == "localhost" if found is None else found.is_loopback


def given(value: Any) -> bool:
    """Whether there is a value, in the vault or in the clear."""
    return bool(value)


def _in_the_clear(robot: Robot) -> list[Fault]:
    """Neither service has TLS: samples, and a password, which gives every right, could be read by the network."""
    faults = []
    for service in ("victoriametrics", "sensor_service"):
        name, accepted = f"{service}_listen_address", f"{service}_plain_http"
        address = robot.values.get(name)
        wide = service in robot.services and isinstance(address, str) and not is_loopback(address)
        if wide and robot.values.get(accepted) is not True:
            why = "it can be reached from a network, and all that it is asked and answers is in the clear"
            remedy = f"keep it on 127.0.0.1 and use an SSH tunnel, or accept that with {accepted}: true"
            faults.append(fault(robot, name, why, remedy))
    return faults


def _figures(robot: Robot) -> list[Fault]:
    """The space of file systems is written by the watchdog: where nobody reads that, it would be missed."""
    paths, folder = robot.values.get(FILESYSTEMS), robot.values.get(TEXTFILES)
    if "sensor_service" not in robot.services or not paths or not isinstance(folder, str):
        return []
    collectors = robot.values.get("sensor_service_collectors")
    if isinstance(collectors, (list, tuple)) and collectors and "textfile" not in collectors:
        why = "the watchdog writes their space as a text file, and sensor_service_collectors lists no textfile"
        return [fault(robot, FILESYSTEMS, why, f"add textfile to the collectors, {WITHOUT}")]
    if folder.rstrip("/") == WRITTEN_INTO:
        return []
    why = f"the watchdog writes their space into {WRITTEN_INTO}, which {TEXTFILES} does not name"
    return [fault(robot, FILESYSTEMS, why, f"leave {TEXTFILES} as it is, {WITHOUT}")]


def _password(robot: Robot) -> list[Fault]:
    address = robot.values.get(VICTORIAMETRICS)
    username, password = given(robot.values.get(USERNAME)), given(robot.values.get(PASSWORD))
    if isinstance(address, str) and not is_loopback(address) and not (username and password):
        remedy = f"set {USERNAME} and a vaulted {PASSWORD}, or keep it on 127.0.0.1 and use an SSH tunnel"
        return [fault(robot, VICTORIAMETRICS, "it can be reached from a network, without a password", remedy)]
    if username != password:
        missing = PASSWORD if username else USERNAME
        why = f"{USERNAME if username else PASSWORD} is set and this is not: there would be no password at all"
        return [fault(robot, missing, why, "set both or none", value="(empty)")]
    return []


def _scraped(robot: Robot) -> list[Fault]:
    """The sensor service's address is written twice, once for each role: they must agree."""
    reader = next((name for name in ("vmagent", "victoriametrics") if name in robot.services), None)
    name = f"{reader}_scrape_targets"
    address, targets = robot.values.get(SENSOR), robot.values.get(name)
    if "sensor_service" not in robot.services or not isinstance(address, str) or not isinstance(targets, dict):
        return []
    read = targets.get("sensor_service", [])
    if isinstance(read, (list, tuple)) and any(_reaches(str(target), address) for target in read):
        return []
    why = f"nobody reads the sensor service, which listens on {address}"
    return [fault(robot, name, why, f'write {name}: {{sensor_service: ["{_asked(address)}"]}}')]


def _reaches(target: str, address: str) -> bool:
    """Whether who reads ``target`` (host:port) reaches what listens on ``address``; of a name nobody knows here."""
    (asked, _, asked_port), (host, _, port) = target.rpartition(":"), address.rpartition(":")
    # no host means all of IPv4; nothing listens by this
    here, there = _numeric(host or "0.0.0.0"), _numeric("127.0.0.1" if asked == "localhost" else asked)  # noqa: S104
    if asked_port != port or here is None:
        return asked_port == port  # what is no address is told by its form
    if there is None:
        return here.version == 4  # names are looked up as IPv4
    return there.version == here.version if here.is_unspecified else there == here


def _asked(address: str) -> str:
    """Return where the robot itself reaches what listens on ``address``."""
    host, _, port = address.rpartition(":")
    here = _numeric(host or "0.0.0.0")  # noqa: S104 (what no host means)
    everywhere = here is not None and here.is_unspecified
    loopback = "127.0.0.1" if here is None or here.version == 4 else "[::1]"
    return f"{loopback if everywhere else host}:{port}"


def _numeric(host: str) -> IPAddress | None:
    """Return the address that ``host`` is, in brackets where it is IPv6; None: it is a name."""
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None
