"""Who a hub is, and as whom robots log in to it: the names in its certificate, and passwords that are none."""

from __future__ import annotations

import re
from collections.abc import Mapping

from . import hosts, values
from .declaration import Fault, Option, Robot, fault
from .exposure import given
from .hub import NAMES, PAIRS

PASSWORDS = "telemetry_hub_robot_passwords"
OF_ONE = Option("telemetry_hub_robot_password", "telemetry_hub", secret=True)  # with the form of all of this ending
LONGEST_OWNER = 64  # letters of a certificate's common name
AUTHORITYS = ("ca", "ca.next", "ca.previous")  # their files are NAME.pem and NAME.key, as a host's are
HOST = "inventory_hostname"


def check(robot: Robot) -> list[Fault]:
    """Return which names of a hub's nobody could be sure of, and as which of its robots anybody would be let in."""
    return _host(robot) + _names(robot) + _passwords(robot)


def _made_here(robot: Robot) -> bool:
    """Whether its certificate is made on the controller; who has one knows its names."""
    return not given(robot.values.get(PAIRS[0][0]))


def _host(robot: Robot) -> list[Fault]:
    if robot.name not in AUTHORITYS or not _made_here(robot):
        return []
    why = f"{robot.name}.pem is the authority's own file, and this host's certificate would be in the same"
    return [fault(robot, HOST, why, "give the host another name in the inventory", f'"{robot.name}"')]


def _names(robot: Robot) -> list[Fault]:
    """Its certificate is made out to its names, and the first of them is a part of its own address."""
    listed, made_here = robot.values.get(NAMES), _made_here(robot)
    names = [name for name in listed if isinstance(name, str)] if isinstance(listed, (list, tuple)) else []
    faults = []
    for name in dict.fromkeys(names):
        why = _no_name(name, made_here) or (_not_first(name, made_here) if name == names[0] else "")
        if why:
            remedy = f"write {_as_in_dns(name)}a name or an address alone, without scheme, port and brackets"
            faults.append(fault(robot, NAMES, why, remedy, value=f'"{name}"'))
    return faults


def _no_name(name: str, made_here: bool) -> str:
    """Return why nobody is reached by ``name``, or no certificate that is ``made_here`` bears it; "" if it does."""
    if re.fullmatch(r"[0-9.]+", name) or ":" in name:
        return "" if hosts.is_ipv4(name) or hosts.is_ipv6(name) else "it is no address"
    if not hosts.is_name(name.removeprefix("*.")):
        return "it is no name of a host"
    return "" if name.isascii() or not made_here else "a certificate has names in plain letters alone"


def _not_first(name: str, made_here: bool) -> str:
    if name.startswith("*.") or "%" in name:
        return "the first one becomes an address, which this one cannot be"
    if made_here and len(name) > LONGEST_OWNER:
        return f"it has {len(name)} letters, and a certificate names its owner in at most {LONGEST_OWNER}"
    return ""


def _as_in_dns(name: str) -> str:
    """Return how DNS has a name of another alphabet, as the beginning of a remedy."""
    try:
        told = name.encode("idna").decode("ascii")
    except UnicodeError:
        return ""
    return "" if name.isascii() else f"{told}: "


def _passwords(robot: Robot) -> list[Fault]:
    """The entry point takes an empty password for what it is: anybody would be let in as that robot."""
    written = robot.values.get(PASSWORDS)
    faults = []
    for name, password in written.items() if isinstance(written, Mapping) else ():
        objection = values.object_to(OF_ONE, password)
        if password in (None, ""):
            objection = "it is empty", "write a password, or delete the robot's line, and one is made"
        if objection:
            faults.append(fault(robot, PASSWORDS, f"of {name}: {objection[0]}", objection[1], value="(secret)"))
    return faults
