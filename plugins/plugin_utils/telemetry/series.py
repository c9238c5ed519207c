"""Room for series on the hub: what its robots may bring together always fits, and its own series beside it."""

from __future__ import annotations

# Series of the hub itself: what it reads of its own services and its host (some 500), rules and alerts.
OWN = 1000
ROOM_TIMES = 4  # so many times the expected series may come in an hour; measured, see docs/security.md
SHARE_TIMES = 3  # so many times its expected series one robot may bring in a day
DAY_TIMES = 6


def room(per_robot: int, robots: int) -> dict[str, int]:
    """Return how many different series the hub's database takes in an hour and in a day, and one robot's share of them.

    ``robots`` are expected to send ``per_robot`` series each; a hub without robots has room for one.
    """
    if per_robot < 1:
        raise ValueError("hub_series_room needs a number of series above zero")
    expected = per_robot * max(1, robots)
    return {
        "hourly": ROOM_TIMES * expected + OWN,
        "daily": DAY_TIMES * expected + OWN,
        "share": SHARE_TIMES * per_robot,
    }
