"""Fit vmauth, the hub's entry point, into its limit: whoever is slow is waited for here, and that takes memory.

vmauth reads a request as a whole before it asks the database. So a slow upload holds a buffer here, and no insert
there. Measured with uploads that stall at their last bytes (`make attacks`, docs/security.md).
"""

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.robotfleet.stack.plugins.plugin_utils.telemetry.blocks import KIB, LARGEST_REQUEST_BYTES, MIB

DOCUMENTATION = """
name: vmauth_fit
short_description: Settings that fit vmauth into a memory limit
description:
  - Returns a dictionary of settings derived from a container's memory limit.
  - The result depends on nothing else, and no setting shrinks when the limit grows.
options:
  _input:
    description: The container's memory limit in MiB.
    type: int
    required: true
"""

EXAMPLES = """
environment:
  GOMEMLIMIT: "{{ (64 | robotfleet.stack.vmauth_fit).gomemlimit_mib }}MiB"
"""

RETURN = """
_value:
  description: gomemlimit_mib, request_buffer_bytes, and how many requests and open files there may be at once.
  type: dict
"""

AT_REST_MIB = 16  # program text that is in use, and what the process itself takes
# A connection with TLS that has sent something; each is an open file, and nothing but that bounds their number.
KIB_PER_CONNECTION = 52
FILES_PER_MIB = 6.5
# A buffer grows while it is read, and what it was before stays until memory is collected.
BUFFER_TIMES = 1.3
# The database must be able to refuse what is too large without waiting for the rest of it: it reads one byte more than
# it accepts.
BEYOND_BYTES = KIB
# Files of its own, with the database at rest (8 were measured), and of people: a browser opens up to six connections.
OWN_FILES = 16
# Connections to the database that wait for the next request: vmauth's -maxIdleConnsPerBackend.
MOST_IDLE = 100
# What one robot has under way at once: its agent sends one block after the other, and people look at pages of graphs.
MOST_OF_ONE_USER = 4


def fit(limit_mib: int) -> dict[str, int]:
    """Return the settings for a container limited to ``limit_mib``."""
    if limit_mib < 1:
        raise ValueError("vmauth_fit needs a limit above zero")
    buffer = LARGEST_REQUEST_BYTES + BEYOND_BYTES
    files = max(64, int(limit_mib * FILES_PER_MIB))
    room = (limit_mib - AT_REST_MIB) * MIB - files * KIB_PER_CONNECTION * KIB
    return {
        "gomemlimit_mib": max(1, limit_mib - AT_REST_MIB),
        "request_buffer_bytes": buffer,
        "max_concurrent_requests": max(MOST_OF_ONE_USER, int(room / (buffer * BUFFER_TIMES))),
        "max_concurrent_per_user_requests": MOST_OF_ONE_USER,
        "open_files_limit": files,
    }


def robots(limit_mib: int) -> int:
    """Return how many robots can be connected at once, with all requests under way that it takes.

    An agent keeps one connection. Each request has one to the database as well, which stays for the next one. Measured
    with 60 robots that sent an hour of backlog at once: 60 and 67 connections, 135 open files.
    """
    settings = fit(limit_mib)
    requests = settings["max_concurrent_requests"]
    return settings["open_files_limit"] - OWN_FILES - requests - min(MOST_IDLE, requests)


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"vmauth_fit": fit}
