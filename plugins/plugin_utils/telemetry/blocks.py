"""How large a block of samples is at most: what agents send and what databases accept must agree.

A block that is refused for its size is refused for ever, and its agent drops it: so no agent makes a larger one than
the smallest database accepts, 40 MiB, and what older versions of this project made is accepted, too.
"""

from __future__ import annotations

KIB = 1024
MIB = 1024 * KIB
LARGEST_BLOCK_BYTES = 240 * KIB  # that an agent makes, unpacked
LARGEST_BLOCK_ROWS = 1024
LARGEST_REQUEST_BYTES = 384 * KIB  # that a database accepts, unpacked; 1,024 samples with 300 bytes of labels fit

# What a request of remote write becomes at worst, for each byte that it has unpacked: measured with empty descriptions
# of metrics, two bytes each, which become structures of 64 (`make attacks`, docs/security.md).
UNPACKED_TIMES = 100


def insert_bounds(limit_mib: int, share: float, most_at_once: int) -> tuple[int, int]:
    """Return the bytes that a request may have unpacked, and how many requests are read at once.

    All of them together may take ``share`` of ``limit_mib`` at worst. First a request may become as large as a block
    may be, and then there may be more of them, up to ``most_at_once``.
    """
    room = limit_mib * share * MIB / UNPACKED_TIMES
    at_once = max(1, min(most_at_once, int(room // LARGEST_REQUEST_BYTES)))
    return max(1, min(LARGEST_REQUEST_BYTES, int(room))), at_once
