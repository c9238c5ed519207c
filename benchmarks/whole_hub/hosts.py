"""What a hub consists of, as its role makes it: the programs of one host, or of each of a cluster's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.robotfleet.stack.plugins.filter import hub_cluster, hub_urls

from benchmarks import fleet, product
from benchmarks.running import Program

from .authority import Authority, login, password

PREFIX = "telemetry_hub_"
DATABASE, ENTRY_POINT = "telemetry_hub_victoriametrics", "telemetry_hub_vmauth"
STORAGE, INSERT, ALERTS = "telemetry_hub_vmstorage", "telemetry_hub_vminsert", "telemetry_hub_vmalert"
# In the order in which they start. The entry point comes last: when it listens, robots send.
OF_ONE_HOST = (DATABASE, ALERTS, ENTRY_POINT)
OF_A_CLUSTER = (STORAGE, "telemetry_hub_vmselect", INSERT, ALERTS, "telemetry_hub_vmagent", ENTRY_POINT)
# Where people ask through their SSH tunnels: the entry point's address without TLS, with the same passwords.
PEOPLES_DOOR = "127.0.0.1:8426"
READER = "reader"


@dataclass(frozen=True)
class Secrets:
    """What the robots and the hosts of one hub know."""

    robots: int
    authority: Authority = field(default_factory=Authority)
    database: str = field(default_factory=password)
    reader: str = field(default_factory=password)
    of_robots: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Give each robot a password of its own."""
        self.of_robots.update({fleet.name(number): password() for number in range(self.robots)})

    def hub(self) -> dict[str, str]:
        """Return the header with which the hub's own parts are asked."""
        return login(str(product.value(f"{PREFIX}database_username")), self.database)

    def people(self) -> dict[str, str]:
        """Return the header with which people ask."""
        return login(READER, self.reader)


def entry_points(addresses: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return what the inventory says of each host (its name: its address), for robots and hosts to find it."""
    return {
        name: {"inventory_hostname": name, "telemetry_hub_names": [address], "telemetry_hub_cluster_address": address}
        for name, address in addresses.items()
    }


def urls(addresses: Mapping[str, str], robot: str) -> list[str]:
    """Return where ``robot`` sends, as the product decides it: the one host, or two of a cluster's."""
    if len(addresses) == 1:
        return [f"https://{address}:8427" for address in addresses.values()]
    return hub_urls.urls(list(addresses), robot, entry_points(addresses))


def inventory(name: str, addresses: Mapping[str, str], secrets: Secrets, robots: int, series: int) -> dict[str, Any]:
    """Return what the inventory says of host ``name``, of a hub for the first ``robots`` robots."""
    certificate, key = secrets.authority.certificate(addresses[name])
    names = [fleet.name(number) for number in range(robots)]
    said = entry_points(addresses)
    return {
        **said[name],
        "inventory_dir": "/nowhere",
        "telemetry_hub_cluster": hub_cluster.cluster(list(said.values())),
        "telemetry_hub_robots": names,
        "telemetry_hub_robot_groups": {robot: ["robots"] for robot in names},
        "telemetry_hub_robot_passwords": {robot: secrets.of_robots[robot] for robot in names},
        "telemetry_hub_series_per_robot": series,
        "telemetry_hub_reader_username": READER,
        "telemetry_hub_reader_password": secrets.reader,
        "telemetry_hub_database_password": secrets.database,
        "telemetry_hub_tls_certificate": certificate,
        "telemetry_hub_tls_key": key,
        "telemetry_hub_other_ca": secrets.authority.pem,
    }


def programs(
    addresses: Mapping[str, str], secrets: Secrets, robots: int, series: int, *, floors: bool = False
) -> list[tuple[str, Program]]:
    """Return host and program of each part, in the order in which they start: a kind of part after the other.

    Each has its role's default limit, or the smallest that the inventory gate accepts for such a fleet (``floors``).
    """
    said = {name: inventory(name, addresses, secrets, robots, series) for name in addresses}
    parts: Sequence[str] = OF_ONE_HOST if len(addresses) == 1 else OF_A_CLUSTER
    service = at_floor if floors else product.service
    made = [(host, service(part, **said[host])) for part in parts for host in addresses]
    return [(host, program(spec)) for host, spec in made if spec["enabled"]]


def at_floor(part: str, **said: Any) -> dict[str, Any]:
    """Return the spec of a part with the smallest limit that the inventory gate accepts for what the inventory says."""
    floor = int(product.service(part, **said)["memory_floor"]["mib"])
    return product.service(part, **said, **{f"{part}_memory_limit_mib": floor})


def program(spec: Mapping[str, Any]) -> Program:
    """Return a service of the product as it is run here: with nothing of its own changed."""
    health = urlsplit(spec["health"]["url"])
    whole = {"config_target": "/config", **spec}
    return Program(spec["name"], whole, int(spec["memory_limit_mib"]), health.netloc, health.path)


def short(part: str) -> str:
    """Return a part's name as people say it, such as vmauth."""
    return part.removeprefix(PREFIX)
