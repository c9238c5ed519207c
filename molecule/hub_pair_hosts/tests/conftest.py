"""The two hosts of the hub, and two robots."""

from __future__ import annotations

from asking_hubs import ask, authority, fleet, folder, reads, secret  # noqa: F401 - fixtures
from pair_of_hubs import hubs, north, south  # noqa: F401 - fixtures
