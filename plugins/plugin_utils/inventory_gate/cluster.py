"""Three hosts of a hub, or more: together a cluster, of which one may be lost, and what each of them needs for that."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from . import former
from .declaration import Fault, Robot, fault
from .hub import DATABASE
from .pair import agreed, distinct, names

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
SMALLEST = 3
ADDRESS = "telemetry_hub_cluster_address"
OTHER_FIRST = "telemetry_hub_other_first"
VERSION = "telemetry_hub_cluster_version"
PREFIX = "telemetry_hub_"
STORAGE, SELECT, INSERT, ENTRY_POINT, RULES, OWN = (
    f"{PREFIX}{part}" for part in ("vmstorage", "vmselect", "vminsert", "vmauth", "vmalert", "vmagent")
)
PARTS = (STORAGE, SELECT, INSERT, OWN)  # that only a cluster has
EXAMPLE = f"write {ADDRESS}: 10.20.0.11, this host's address on a network that robots do not reach"
# What a part asks on its own host, where only loopback is asked.
BESIDE = {
    ENTRY_POINT: ((SELECT, "it reads through the vmselect"), (INSERT, "robots write through the vminsert")),
    RULES: ((SELECT, "it reads through the vmselect"), (INSERT, "it writes what rules find through the vminsert")),
    OWN: ((INSERT, "it writes through the vminsert"),),
    INSERT: ((OWN, "the vmagent tells that it is there"),),
    STORAGE: ((OWN, "the vmagent tells of its disk and memory"),),
}


def check(hubs: Sequence[Robot]) -> list[Fault]:
    """Return what keeps the ``hubs`` of a group from being a cluster; of one or two hosts, nothing."""
    if len(hubs) < SMALLEST:
        return []
    faults = [found for hub in hubs for found in (*_address(hub), *_beside(hub), *_kind(hub), *names(hub))]
    faults += _apart(hubs) + distinct([hub for hub in hubs if ENTRY_POINT in hub.services]) + _enough(hubs)
    faults += former.check(hubs)
    return faults + [found for hub in hubs[1:] for found in agreed(hubs[0], hub, (VERSION,))]


def alone(hub: Robot) -> list[Fault]:
    """Return the parts of a cluster that ``hub`` declares although it is one host of a pair, or the only one."""
    faults = former.alone(hub)
    for part in PARTS:
        if part in hub.services and hub.values.get("telemetry_hub_cluster") == {}:
            why = f"{part.removeprefix(PREFIX)} is a part of a cluster: {SMALLEST} hosts or more in telemetry_hub"
            faults.append(fault(hub, f"{part}_enabled", why, "delete the line, or add hosts"))
    return faults


def _address(hub: Robot) -> list[Fault]:
    """Return why the parts may not talk where ``hub`` says: unencrypted, and without a password."""
    written = hub.values.get(ADDRESS)
    if not (STORAGE in hub.services or former.is_one(hub)) or not isinstance(written, str):
        return []  # told by the check of types
    if not written:
        why = "the storage of a cluster is reached by its other hosts, unencrypted: so you say on which address"
        return [fault(hub, ADDRESS, why, EXAMPLE, "(empty)")]
    found = _number(written)
    if found is None:
        return [fault(hub, ADDRESS, "it is no numeric address (without a port)", EXAMPLE)]
    if found.is_unspecified:
        why = "everybody who reaches this host could read all samples and write any, without a password"
    elif found.is_loopback:
        why = "the cluster's other hosts do not reach it there"
    elif found.is_multicast or found.is_link_local:
        why = "it is not an address by which other hosts reach this one"
    elif found in _reached(hub):
        why = "robots reach this address, and what the parts tell each other is neither encrypted nor behind a password"
    else:
        return []
    return [fault(hub, ADDRESS, why, EXAMPLE)]


def _reached(hub: Robot) -> set[IPAddress | None]:
    """Return the numeric addresses by which robots reach a host's entry point, as far as its variables say."""
    listens, names = (hub.values.get(name) for name in ("telemetry_hub_listen_address", "telemetry_hub_names"))
    texts = [listens.rpartition(":")[0].strip("[]")] if isinstance(listens, str) else []
    return set(map(_number, texts + (list(names) if isinstance(names, (list, tuple)) else [])))


def _number(written: object) -> IPAddress | None:
    try:
        return ipaddress.ip_address(str(written))
    except ValueError:
        return None


def _apart(hubs: Sequence[Robot]) -> list[Fault]:
    """Two storages with one address would be one, with both copies of a sample."""
    seen: dict[IPAddress, str] = {}
    faults = []
    for hub in hubs:
        number = _number(hub.values.get(ADDRESS))
        if (STORAGE in hub.services or former.is_one(hub)) and number:
            other = seen.setdefault(number, hub.name)
            if other != hub.name:
                why = f"{other} has it as well: each host has an address of its own"
                faults.append(fault(hub, ADDRESS, why, "write this host's in its host_vars"))
    return faults


def _enough(hubs: Sequence[Robot]) -> list[Fault]:
    """Of each sample there are two copies, also while one storage is away; and one entry point may be away."""
    faults = []
    for part, least, why in (
        (STORAGE, SMALLEST, "while one is away there is nowhere for the second copy of a sample"),
        (ENTRY_POINT, 2, "while it is away nobody writes and nobody reads"),
        (RULES, 1, "nobody would be told of anything"),
    ):
        on = [hub for hub in hubs if part in hub.services]
        if len(on) < least:
            off = next(hub for hub in hubs if part not in hub.services)
            count = f"{len(on)} of {len(hubs)} hosts {'has' if len(on) == 1 else 'have'} {part.removeprefix(PREFIX)}"
            faults.append(fault(off, f"{part}_enabled", f"{count}: {why}", f"leave it on for at least {least} hosts"))
    return faults


def _beside(hub: Robot) -> list[Fault]:
    faults = []
    for part, asked in BESIDE.items():
        for other, why in asked:
            if part in hub.services and other not in hub.services:
                told = f"{part.removeprefix(PREFIX)} runs on this host, and {why} beside it"
                faults.append(fault(hub, f"{other}_enabled", told, f"leave it on, or write {part}_enabled: false"))
    return faults


def _kind(hub: Robot) -> list[Fault]:
    """What belongs to one hub, or to a pair."""
    faults = []
    if DATABASE in hub.services and not former.is_one(hub):
        why = "in a cluster vmstorage takes its place"
        remedy = f"delete the line; on the host that was the hub before, write {former.FORMER}: true"
        faults.append(fault(hub, f"{DATABASE}_enabled", why, remedy))
    if hub.values.get(OTHER_FIRST) is True:
        why = "it is a pair's: each host of a cluster answers with the samples of all"
        faults.append(fault(hub, OTHER_FIRST, why, "delete the line"))
    return faults
