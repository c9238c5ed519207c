"""Where a container differs from its request, as far as every engine means the same by it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..base.units import mib_of
from .protocol import PAUSED, SPEC_DIFFERS, SPEC_LABEL, Difference, FoundContainer

CPUS, SWAP = "NanoCpus", "MemorySwap"


def of_limits(
    wanted: Mapping[str, Any], found: FoundContainer, swap_accounted: bool, cpu_step: int = 1
) -> list[Difference]:
    """Return which limits differ, processors by ``cpu_step`` (1e-9 of one) or more.

    Where the kernel does not account swap, an engine drops that limit and says -1 for ever: that is no difference.
    """
    limits = {"Memory": found.memory, SWAP: found.memory_and_swap, CPUS: found.nano_cpus, "PidsLimit": found.pids}
    if limits[SWAP] == -1 and not swap_accounted:
        del limits[SWAP]
    return [
        Difference("limit", f"{key} is {_shown(key, value)}, not {_shown(key, wanted[key])}")
        for key, value in limits.items()
        if abs(value - wanted[key]) >= (cpu_step if key == CPUS else 1)
    ]


def of_origin(desired: Mapping[str, Any], found: FoundContainer, made: str) -> list[Difference]:
    """Return whether it was made of another spec, or by others.

    What a container is like cannot be changed but by making another, whatever labels that one bears: ``made`` is the
    one that this project made ("": unknown).
    """
    if found.spec != desired["Labels"][SPEC_LABEL]:
        return [Difference("spec", SPEC_DIFFERS)]
    return [Difference("maker", "it was made by hand, or by another program")] if made and found.id != made else []


def of_state(found: FoundContainer) -> list[Difference]:
    """Return whether it does not run."""
    runs = found.running and found.status != PAUSED
    return [] if runs else [Difference("state", f"it is {found.status or 'not running'}")]


def _shown(key: str, value: int) -> str:
    return f"{mib_of(value)} MiB" if key.startswith("Memory") and value > 0 else str(value)
