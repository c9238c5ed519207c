"""What is compared: the hosts of inventory/hosts.yml, each with what `benchmark` says of it. A further one is data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

INVENTORY = Path(__file__).resolve().parent / "inventory"
STACKS, PEERS = "stacks", "peers"


@dataclass(frozen=True)
class Page:
    """A page of the robot that shows whether series arrive: at least ``least`` lines of it match ``pattern``."""

    address: str
    path: str
    pattern: str
    least: int


@dataclass(frozen=True)
class Variant:
    """One way to have a robot monitored.

    ``slice`` holds all that it runs. ``packages`` are those whose versions are told, and which a peer installs.
    ``collector`` (host:port) answers PromQL; what has none has a ``page`` instead. ``beside`` are cgroups outside of
    the slice that are there because of the variant: they count in the whole, though not below the slice's limit.
    """

    name: str
    title: str
    is_product: bool
    slice: str
    packages: tuple[str, ...]
    collector: str = ""
    page: Page | None = None
    beside: tuple[str, ...] = ()

    @property
    def address(self) -> str:
        """Return the host:port on the robot's loopback that answers for it."""
        return self.collector or (self.page.address if self.page else "")


def of_host(name: str, group: str, about: dict[str, Any]) -> Variant:
    """Return the variant that a host of the inventory is. Raises ValueError, which names what is missing."""
    page = about.get("page")
    if bool(about.get("collector")) == bool(page):
        raise ValueError(f"{name}: benchmark says either collector or page: how else would one see that series arrive?")
    try:
        return Variant(
            name,
            about["title"],
            group == STACKS,
            about["slice"],
            tuple(about["packages"]),
            about.get("collector", ""),
            Page(**page) if page else None,
            tuple(about.get("beside", ())),
        )
    except KeyError as error:
        raise ValueError(f"{name}: benchmark lacks {error.args[0]}") from error


def all_of_them(inventory: Path = INVENTORY) -> list[Variant]:
    """Return the variants in the inventory's order: the product's first."""
    listed = yaml.safe_load((inventory / "hosts.yml").read_text(encoding="utf-8"))
    children = listed["robots"]["children"]
    return [
        of_host(name, group, host["benchmark"])
        for group in (STACKS, PEERS)
        for name, host in children[group]["hosts"].items()
    ]


def ports(inventory: Path = INVENTORY) -> dict[str, int]:
    """Return the port on this computer's loopback at which each variant's machine lets people in."""
    listed = yaml.safe_load((inventory / "hosts.yml").read_text(encoding="utf-8"))
    children = listed["robots"]["children"]
    return {name: host["testbed_ssh_port"] for group in children.values() for name, host in group["hosts"].items()}
