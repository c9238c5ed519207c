"""What the reader of a hub's pages makes of a computer that is late itself (molecule/shared/reading.py)."""

from __future__ import annotations

import pytest
from reading import Seen


def seen(answered: list[float], busy: dict[float, float]) -> Seen:
    lines = [{"began": at - 0.1, "ended": at, "series": 1} for at in answered]
    return Seen(lines, [{"at": at, "wanted": wanted} for at, wanted in busy.items()])


@pytest.mark.parametrize(
    ("busy", "wait"),
    [
        ({}, 20.0),
        ({2: 0.0, 10: 0.5, 20: 0.2}, 20.0),  # it had nothing else to do
        ({2: 4.0, 10: 5.0, 20: 6.0}, 4.0),
        ({0.5: 100.0, 10: 2.0, 30: 100.0}, 10.0),  # what was wanted before and after is no excuse
    ],
)
def test_a_gap_is_as_long_as_on_a_computer_that_has_nothing_else_to_do(busy: dict[float, float], wait: float) -> None:
    found = seen([1.0, 21.0, 21.2], busy)
    assert found.longest_gap() == 20.0
    assert found.longest_wait() == pytest.approx(wait)


def test_who_was_never_answered_waits_for_ever() -> None:
    assert seen([], {1: 5.0}).longest_wait() == float("inf")
