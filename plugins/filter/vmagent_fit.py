"""Fit vmagent into a small cgroup: one place where its memory limit becomes settings.

Measured while it buffers and while it drains (`make benchmark-floors`, docs/benchmark.md). As with VictoriaMetrics,
what decides is GOMEMLIMIT: the Go heap must leave room for the program text that runs and for what is not in the heap.
"""

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.robotfleet.stack.plugins.plugin_utils.telemetry.blocks import (
    LARGEST_BLOCK_BYTES,
    LARGEST_BLOCK_ROWS,
    insert_bounds,
)

DOCUMENTATION = """
name: vmagent_fit
short_description: Settings that fit vmagent into a memory limit
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
  GOMEMLIMIT: "{{ (32 | robotfleet.stack.vmagent_fit).gomemlimit_mib }}MiB"
"""

RETURN = """
_value:
  description: gomemlimit_mib, allowed_bytes, max_block_bytes, max_rows_per_block and max_insert_request_bytes.
  type: dict
"""

MIB = 1024 * 1024
OUTSIDE_HEAP_MIB = 16  # program text that must stay resident, compression, page tables
OUTSIDE_HEAP_SHARE = 0.10  # larger instances also keep more memory outside the Go heap
SMALLEST_HEAP_SHARE = 0.4
# Blocks in memory, before they go to disk, are as many as this holds at 100 bytes a row.
CACHE_SHARE = 1 / 16
# A block is held several times while it is made, compressed, written, read and sent.
BLOCK_SHARE = 1 / 32
# vmagent makes a block when it has so many rows, however long their labels are. With its own 10,000 rows, a program
# that hands over wide samples gets it killed within a second (seen: 4 MiB of them, in 32 MiB).
BYTES_PER_ROW = 1024
# What a request that a program hands over may take at worst, while one is read at a time.
INSERT_SHARE = 0.25


def fit(limit_mib: int) -> dict[str, int]:
    """Return the settings for a container limited to ``limit_mib``."""
    if limit_mib < 1:
        raise ValueError("vmagent_fit needs a limit above zero")
    outside = max(OUTSIDE_HEAP_MIB, limit_mib * OUTSIDE_HEAP_SHARE)
    block = int(limit_mib * BLOCK_SHARE * MIB)
    return {
        "gomemlimit_mib": max(1, int(limit_mib - outside), int(limit_mib * SMALLEST_HEAP_SHARE)),
        "allowed_bytes": int(limit_mib * CACHE_SHARE * MIB),
        "max_block_bytes": min(block, LARGEST_BLOCK_BYTES),
        "max_rows_per_block": max(1, min(block // BYTES_PER_ROW, LARGEST_BLOCK_ROWS)),
        "max_insert_request_bytes": insert_bounds(limit_mib, INSERT_SHARE, 1)[0],
    }


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"vmagent_fit": fit}
