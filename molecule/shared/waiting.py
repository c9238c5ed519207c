"""Waits for conditions, never for a time. What is limited is only how long something broken is waited for."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

PATIENCE_SECONDS = 300  # many times what it takes on two cores: machines of CI are slower, and busy
Found = TypeVar("Found")


def until(what: Callable[[], Found], words: str, seconds: float = PATIENCE_SECONDS, pause: float = 1) -> Found:
    """Return the first true answer of ``what``. Raises AssertionError."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {words}"
        time.sleep(pause)
    return found
