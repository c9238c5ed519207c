"""Fit vminsert, which spreads samples over a cluster's storages, into its limit.

It reads requests as a database does, with the same bounds (blocks.py), and has a buffer for each storage: an eighth of
`memory.allowedBytes` for all of them together. At rest it was seen with 15 MiB, of which 9 are program text. What it
takes under the load of a fleet is measured by `make benchmark-hub` (docs/scale.md).
"""

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.robotfleet.stack.plugins.plugin_utils.telemetry.blocks import insert_bounds

DOCUMENTATION = """
name: vminsert_fit
short_description: Settings that fit vminsert into a memory limit
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
  GOMEMLIMIT: "{{ (96 | robotfleet.stack.vminsert_fit).gomemlimit_mib }}MiB"
"""

RETURN = """
_value:
  description: gomemlimit_mib, allowed_bytes, max_concurrent_inserts and max_insert_request_bytes.
  type: dict
"""

MIB = 1024 * 1024
OUTSIDE_HEAP_MIB = 24  # program text that is in use, compression, stacks and page tables
OUTSIDE_HEAP_SHARE = 0.10
SMALLEST_HEAP_SHARE = 0.4
BUFFERS_SHARE = 0.4  # of which the buffers are an eighth
# What all requests that are read at once may take at worst, and how many there are at most.
INSERT_SHARE = 0.5
MOST_INSERTS = 16


def fit(limit_mib: int) -> dict[str, int]:
    """Return the settings for a container limited to ``limit_mib``."""
    if limit_mib < 1:
        raise ValueError("vminsert_fit needs a limit above zero")
    outside = max(OUTSIDE_HEAP_MIB, limit_mib * OUTSIDE_HEAP_SHARE)
    request, inserts = insert_bounds(limit_mib, INSERT_SHARE, MOST_INSERTS)
    return {
        "gomemlimit_mib": max(1, int(limit_mib - outside), int(limit_mib * SMALLEST_HEAP_SHARE)),
        "allowed_bytes": int(limit_mib * BUFFERS_SHARE * MIB),
        "max_concurrent_inserts": inserts,
        "max_insert_request_bytes": request,
    }


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"vminsert_fit": fit}
