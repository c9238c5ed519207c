"""Which attributes are left out for a while, because a collector's time ran out in them again and again.

One sensor that takes longer than all have together (three thermometers on one 1-wire bus, a bus that is stuck) would
cost its collector what comes behind it in every round. One round is no proof: the robot may have stood still.
"""

from __future__ import annotations

# Rounds in a row that ended in the same attribute, before it is left out.
ROUNDS = 2
# Seconds after which it is asked again.
AGAIN = 300.0


class Slow:
    """What is known of one collector's slow attributes. `clock` values are in seconds."""

    __slots__ = ("_at", "_left_out", "_rounds")

    def __init__(self) -> None:
        """Knows of none."""
        self._at = ""  # where the last round ended
        self._rounds = 0  # that ended there in a row
        self._left_out: dict[str, float] = {}  # attribute: until when

    def ended_in(self, path: str, now: float) -> None:
        """A round's time was over in this attribute."""
        self._rounds = self._rounds + 1 if path == self._at else 1
        self._at = path
        if self._rounds >= ROUNDS:
            self._left_out[path] = now + AGAIN

    def in_time(self) -> None:
        """A round was complete in time, without what is left out."""
        self._at = ""

    def left_out(self, now: float) -> frozenset[str]:
        """Returns the attributes that are not asked now."""
        if self._left_out:
            self._left_out = {path: until for path, until in self._left_out.items() if until > now}
        return frozenset(self._left_out)
