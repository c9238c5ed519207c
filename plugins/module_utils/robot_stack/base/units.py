"""Memory units: the one place where MiB become bytes and bytes become MiB."""

from __future__ import annotations

MIB = 1024 * 1024


def bytes_of(mib: int) -> int:
    """Return the number of bytes in ``mib`` mebibytes."""
    return mib * MIB


def mib_of(size: int | None) -> float | None:
    """Return ``size`` bytes in MiB, rounded to one decimal; None stays None (unknown)."""
    return None if size is None else round(size / MIB, 1)
