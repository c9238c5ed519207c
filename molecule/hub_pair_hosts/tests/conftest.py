"""The two hosts of the hub, and two robots."""

from __future__ import annotations

from pair_of_hubs import ask, authority, fleet, folder, hubs, north, reads, secret, south  # noqa: F401 - fixtures
