"""Room for series on the hub: what its robots may bring together always fits, and its own series beside it."""

from __future__ import annotations

import math

# Series of the hub itself: what it reads of its own services and its host (some 500), rules and alerts.
OWN = 1000  # of each host
ROOM_TIMES = 4  # so many times the expected series may come in an hour; measured, see docs/security.md
SHARE_TIMES = 3  # so many times its expected series one robot may bring in a day
DAY_TIMES = 6
COPIES = 2  # of each sample in a cluster


def room(per_robot: int, robots: int, hosts: int = 1, storages: int = 1) -> dict[str, int]:
    """Return how many different series the hub's database takes in an hour and in a day, and one robot's share of them.

    ``robots`` are expected to send ``per_robot`` series each; a hub without robots has room for one. Of a cluster of
    ``hosts``, it is the room of each of its ``storages``.
    """
    if per_robot < 1:
        raise ValueError("hub_series_room needs a number of series above zero")
    expected = per_robot * max(1, robots)
    own = OWN * max(1, hosts)
    return {
        "hourly": of_storage(ROOM_TIMES * expected + own, storages),
        "daily": of_storage(DAY_TIMES * expected + own, storages),
        "share": SHARE_TIMES * per_robot,
    }


def of_storage(series: int, storages: int) -> int:
    """Return how many of ``series`` each of so many storages holds while one of the others is away.

    Each series is on two of those that are there (vminsert's -replicationFactor). One database has them all.
    """
    if storages < 2:
        return series
    return min(series, math.ceil(COPIES * series / (storages - 1)))
