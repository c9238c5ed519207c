"""Two hosts of a hub: each gets every sample and judges by the same rules, and robots know both.

And what a pair has in common with a cluster (cluster.py): hosts that agree, and robots that know two of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from .declaration import Fault, Robot, Secret, fault
from .hub import NAMES, READER
from .word import UNCOUNTED

GROUP = "telemetry_hub"
LISTEN = "telemetry_hub_listen_address"
ROBOTS = "telemetry_hub_robots"
URLS = "vmagent_hub_urls"
MOST = (
    2  # a robot sends to so many hosts; three and more are a cluster, which needs no more than two of its entry points
)
# As whom the entry point of one host reads from the other (telemetry_hub_database_username).
OTHER_HOST = "hub"
# What decides over a login, an answer or an alert: which host is asked must make no difference.
ALERTS = "telemetry_hub_alert_"
AGREED = (
    READER,
    "telemetry_hub_secrets_directory",
    "telemetry_hub_series_per_robot",
    "telemetry_hub_series_share",
    "telemetry_hub_series_shares",
    "telemetry_hub_sample_interval",
    "telemetry_hub_retention",
    "telemetry_hub_notifier_url",
    "telemetry_hub_rule_groups_extra",
)
AGREED_SECRETS = (
    "telemetry_hub_robot_passwords",
    "telemetry_hub_reader_password",
    "telemetry_hub_database_password",
)


def check(hubs: Sequence[Robot]) -> list[Fault]:
    """Return what keeps the two ``hubs`` of a group from being a pair; of one host, nothing."""
    if len(hubs) != MOST:
        return []
    first, second = hubs
    return distinct(hubs) + agreed(first, second) + [found for hub in hubs for found in names(hub)]


def known(robots: Sequence[Robot], groups: Mapping[str, Sequence[str]]) -> list[Fault]:
    """Return a fault for each of ``robots`` that does not send to each host of the hub, by the inventory's groups.

    Of a cluster, to two of its hosts, or to a name that stands for several.
    """
    hosts = list(groups.get(GROUP) or ())
    staying = [robot for robot in robots if robot.values.get("robot_stack_state") not in UNCOUNTED]
    sending = [robot for robot in staying if not robot.is_hub and "vmagent" in robot.services]
    return [found for robot in sending for found in _sent(robot, hosts)] if hosts else []


def _sent(robot: Robot, hosts: list[str]) -> list[Fault]:
    urls = robot.values.get(URLS)
    if not isinstance(urls, (list, tuple)) or not urls or len(urls) > MOST:
        return []  # told elsewhere
    if len(hosts) > MOST:
        return _one_of_many(robot, urls, hosts)
    both = f"write {URLS} with the addresses of {' and '.join(hosts)}, in this order, or delete the line"
    called = [_host(url) for url in urls]
    shown = ", ".join(called)
    if len(urls) != len(hosts):
        variable = "vmagent_hub_url" if robot.values.get("vmagent_hub_url") else URLS
        why = f"it names {len(urls)} of the {len(hosts)} hosts in group {GROUP}, each of which expects every robot"
        return [fault(robot, variable, why, both, shown)]
    if any(host in hosts and hosts.index(host) != place for place, host in enumerate(called)):
        why = f"group {GROUP} has them in another order, by which an alert names the one that does not answer"
        return [fault(robot, URLS, why, both, shown)]
    return []


def _one_of_many(robot: Robot, urls: Sequence[Any], hosts: list[str]) -> list[Fault]:
    """A robot that knows one host of a cluster by name waits for that one, while all others would take its samples."""
    called = _host(urls[0])
    if len(urls) > 1 or called not in hosts:
        return []
    variable = "vmagent_hub_url" if robot.values.get("vmagent_hub_url") else URLS
    why = f"it names one of the {len(hosts)} hosts in {GROUP}: while that one is away, nothing of this robot arrives"
    remedy = "delete the line, and it sends to two of them; or write a name that leads to several"
    return [fault(robot, variable, why, remedy, called)]


def _host(url: Any) -> str:
    try:
        return urlsplit(str(url)).hostname or ""
    except ValueError:
        return ""


def distinct(hubs: Sequence[Robot]) -> list[Fault]:
    """Return the ``hubs`` with another one's address: robots and entry points would ask one twice, and one never."""
    faults = []
    seen: dict[tuple[str, str], Robot] = {}
    for hub in hubs:
        address = _address(hub)
        first = seen.setdefault(address, hub) if address else hub
        if address and first is not hub:
            why = f"{first.name} is reached by this name and port as well: robots would send to one of two hosts twice"
            faults.append(fault(hub, NAMES, why, "put a name first that is this host's alone", ":".join(address)))
    return faults


def _address(hub: Robot) -> tuple[str, str] | None:
    names, listens = hub.values.get(NAMES), hub.values.get(LISTEN)
    if not isinstance(names, (list, tuple)) or not names or not isinstance(listens, str):
        return None
    return str(names[0]).rstrip(".").lower(), listens.rpartition(":")[2]


def agreed(first: Robot, second: Robot, more: Sequence[str] = ()) -> list[Fault]:
    """Return in what the ``second`` host differs although it must not; ``more`` are variables beside a pair's."""
    variables = {*AGREED, *more, *(name for name in second.values if name.startswith(ALERTS))}
    faults = []
    for name in sorted(variables) + list(AGREED_SECRETS):
        one, other = first.values.get(name), second.values.get(name)
        if one == other or isinstance(one, Secret) or isinstance(other, Secret):
            continue
        why = f"{first.name} has another value: what is answered would depend on which of the two hosts is asked"
        shown = "(secret)" if name in AGREED_SECRETS else None
        faults.append(fault(second, name, why, "write it once, in group_vars/telemetry_hub/", shown))
    return faults


def names(hub: Robot) -> list[Fault]:
    """Return who has the name under which the other host's entry point reads."""
    robots = hub.values.get(ROBOTS)
    why = "the entry point of another host of this hub reads under this name"
    if isinstance(robots, (list, tuple)) and OTHER_HOST in robots:
        return [fault(hub, ROBOTS, why, f"give the robot {OTHER_HOST} another name in the inventory", OTHER_HOST)]
    if hub.values.get(READER) == OTHER_HOST:
        return [fault(hub, READER, why, "give the reader another name")]
    return []
