"""The smallest limit in which something serves, with as few trials as a good guess allows."""

from __future__ import annotations

from typing import Callable

STEP_MIB = 2
SMALLEST_MIB = 8
LARGEST_MIB = 512


def smallest(serves: Callable[[int], bool], guess: int, step: int = STEP_MIB) -> int:
    """Return the smallest limit (MiB, to within ``step``) in which ``serves`` says yes, twice.

    The search leaves the guess in growing strides until one limit serves and one does not, halves what is between,
    and asks for the result a second time: a limit on the edge, which served by luck, moves up by a step.
    Raises LookupError where not even the largest limit serves.
    """
    low, high, stride = None, None, step
    limit = guess
    while low is None or high is None:
        if serves(limit):
            high, limit = limit, limit - stride
        elif limit >= LARGEST_MIB:
            raise LookupError(f"it does not serve in {limit} MiB either")
        else:
            low, limit = limit, min(limit + stride, LARGEST_MIB)
        stride *= 2
        if limit < SMALLEST_MIB and low is None:
            low = SMALLEST_MIB - step
    while high - low > step:
        middle = low + max(step, (high - low) // (2 * step) * step)
        if serves(middle):
            high = middle
        else:
            low = middle
    while not serves(high):
        high += step
        if high > LARGEST_MIB:
            raise LookupError(f"it does not serve in {high - step} MiB either")
    return high
