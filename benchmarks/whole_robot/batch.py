"""Several variants at once, each on a machine of its own: mostly a machine waits, and what it holds is its own affair.

Only what takes time is measured while no other machine is busy (`Turns`).
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from typing import Any

from . import course, robot
from .course import Alone
from .robot import FailedError
from .variants import Variant

Measure = Callable[[Variant, Alone], dict[str, Any]]


class Turns:
    """Has those who still come wait for each other, and then lets one at a time go on."""

    def __init__(self, expected: int) -> None:
        """Wait for so many."""
        self._expected, self._arrived = expected, 0
        self._changed, self._turn = threading.Condition(), threading.Lock()

    def leave(self) -> None:
        """Say that one will not come."""
        with self._changed:
            self._expected -= 1
            self._changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Wait for the others, and for one's turn."""
        with self._changed:
            self._arrived += 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._arrived >= self._expected)
        with self._turn:
            yield


def make(batch: Sequence[Variant]) -> None:
    """Have the machines of a batch, booted, with the exporter that stands for the robot's own. Raises FailedError."""
    for path in ("testbed/create.yml", "molecule/shared/exporter.yml"):
        robot.playbook(path, "--limit", ",".join(variant.name for variant in batch), log="creation")


def remove() -> None:
    """Remove all machines of this benchmark, their disks and their keys, uninterrupted. Raises FailedError."""
    kept = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        robot.playbook("testbed/destroy.yml", log="removal")
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def measured(variant: Variant, alone: Alone, say: Callable[[str], None]) -> dict[str, Any]:
    """Return what was measured of one variant, or why it is not to be had. Raises FailedError."""
    try:
        return course.run(robot.Robot(variant), lambda words: say(f"{variant.name}: {words}"), alone)
    except course.NotToBeHadError as error:
        return {"not_measured": str(error)}


Outcome = Generator[tuple[Variant, "dict[str, Any] | FailedError"]]


def run(batch: Sequence[Variant], measure: Measure) -> Outcome:
    """Yield each variant's result, or its failure, as soon as it is there. No machine is left, whatever happens."""
    turns = Turns(sum(variant.is_product for variant in batch))

    def one(variant: Variant) -> dict[str, Any]:
        came = False

        @contextmanager
        def alone() -> Iterator[None]:
            nonlocal came
            came = True
            with turns.alone():
                yield

        try:
            return measure(variant, alone)
        finally:
            if variant.is_product and not came:
                turns.leave()

    pool = ThreadPoolExecutor(max(1, len(batch)))
    try:
        make(batch)
        waiting = {pool.submit(one, variant): variant for variant in batch}
        for done in as_completed(waiting):
            try:
                yield waiting[done], done.result()
            except FailedError as error:
                yield waiting[done], error
    finally:
        robot.ENDING.set()
        try:
            remove()  # before those who still work on them: they fail, and end
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            robot.ENDING.clear()
