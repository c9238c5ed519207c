"""Hosts and ports in addresses that programs are given: what no program could ever reach.

Programs take more than this for an address: they look well, try for ever, and nothing arrives.
"""

from __future__ import annotations

import ipaddress
import re

LARGEST_PORT = 65_535
LONGEST_PART = 63
# Letters of every alphabet: programs look such a name up as DNS has it.
_PART = r"\w([\w-]*\w)?"
NAME = re.compile(rf"{_PART}(\.{_PART})*\.?")
# Of an IPv6 address in a URL, the interface that it is at.
ZONE = re.compile(r"%25[A-Za-z0-9._~-]+\Z")
AUTHORITY = re.compile(r"(?P<host>\[[^\]]*\]|[^:\[]*)(?P<colon>:(?P<port>.*))?", re.DOTALL)
WITHOUT_BRACKETS = re.compile(r"[0-9A-Fa-f.]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*")


def of_url(url: str) -> str:
    """Return why nobody can be reached at ``url``, whose form is right; "" if somebody may be."""
    behind = url.partition("://")[2]
    return of_authority(re.split(r"[/?#]", behind, maxsplit=1)[0])


def of_authority(text: str) -> str:
    """Return why ``text``, a host with or without a port, is no such; "" if it is one."""
    if WITHOUT_BRACKETS.fullmatch(text):
        return "an IPv6 address stands in brackets, as in [fd00::1]:8427"
    parts = AUTHORITY.fullmatch(text)
    if parts is None:
        return f"{text} is no address"
    why = of_host(parts["host"])
    if why or not parts["colon"]:
        return why
    return of_port(parts["port"]) if parts["port"] else "there is no port behind the colon"


def of_host(text: str) -> str:
    """Return why ``text`` is no name of a host and no address, IPv6 in brackets; "" if it is one."""
    if text.startswith("["):
        return "" if is_ipv6(ZONE.sub("", text[1:-1])) else f"{text[1:-1] or text} is no address of IPv6"
    if re.fullmatch(r"[0-9.]+", text):
        return "" if is_ipv4(text) else f"{text} is no address"
    return "" if is_name(text) else f"'{text}' is no name of a host"


def of_port(text: str) -> str:
    """Return why there is no port ``text``; "" if there is."""
    there = re.fullmatch(r"0*[1-9][0-9]{0,4}", text) and int(text) <= LARGEST_PORT
    return "" if there else f"there is no port {text}: ports are 1 to {LARGEST_PORT}"


def is_name(text: str) -> bool:
    """Whether a host may have this name. An address has the same form."""
    return bool(NAME.fullmatch(text)) and all(len(part) <= LONGEST_PART for part in text.split("."))


def is_ipv4(text: str) -> bool:
    """Whether it is an address of IPv4."""
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


def is_ipv6(text: str) -> bool:
    """Whether it is an address of IPv6, without brackets."""
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True
