"""A host of a cluster that was the hub before: its old database answers with what it has, as one of the storages."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .declaration import Fault, Robot, fault
from .hub import DATABASE

FORMER = "telemetry_hub_former_storage"
VERSION = f"{FORMER}_version"
OLDEST = (1, 147)  # that answers a vmselect
MOST = 2  # a hub was one host before, or a pair
RELEASE = re.compile(r"v(\d+)\.(\d+)\.")


def check(hubs: Sequence[Robot]) -> list[Fault]:
    """Return what keeps the ``hubs`` of a cluster from showing what they stored as one hub, or as a pair."""
    formers = [hub for hub in hubs if is_one(hub)]
    faults = [found for hub in formers for found in (*_runs(hub), *_version(hub))]
    for hub in formers[MOST:]:
        why = f"{' and '.join(one.name for one in formers[:MOST])} have it, and a hub was one host, or a pair"
        faults.append(fault(hub, FORMER, why, "write it for the hosts that were the hub alone"))
    return faults


def alone(hub: Robot) -> list[Fault]:
    """Return the fault of a ``hub`` that is no cluster, whose own database is the hub's."""
    if not is_one(hub) or hub.values.get("telemetry_hub_cluster") != {}:
        return []
    why = "its database is the hub's own: only where three hosts or more are a cluster it is a former one"
    return [fault(hub, FORMER, why, "delete the line, or add hosts")]


def is_one(hub: Robot) -> bool:
    """Whether ``hub`` shall go on answering with what it stored before the cluster."""
    return hub.values.get(FORMER) is True


def _runs(hub: Robot) -> list[Fault]:
    if DATABASE in hub.services:
        return []
    why = f"{FORMER} is true, and its database would not run"
    return [fault(hub, f"{DATABASE}_enabled", why, f"delete the line, or write {FORMER}: false")]


def _version(hub: Robot) -> list[Fault]:
    written = hub.values.get(VERSION)
    release = RELEASE.match(written) if isinstance(written, str) else None
    if release is None or tuple(map(int, release.groups())) >= OLDEST:
        return []
    why = "no vmselect can read from this version, and it would end at once"
    return [fault(hub, VERSION, why, f"write v{OLDEST[0]}.{OLDEST[1]}.0 or a later one")]
