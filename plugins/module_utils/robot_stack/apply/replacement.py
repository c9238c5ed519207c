"""How a new container takes the place of the one that runs: the old one stays until the new one was seen to work.

A run may be cut off anywhere in this. What the next one finds, and what it does:

NAME alone, stopped          nothing was replaced yet: it begins anew
NAME.previous alone          the new one is made; where that fails the previous one runs again
NAME and NAME.previous       the new one is finished where it works, and else the previous one runs again
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Callable

from ..ask import data_check, http
from ..engine.protocol import PAUSED, PREVIOUS, Engine, EngineError, FoundContainer, name_of
from ..judge import cause
from ..spec.model import Service
from . import rename_data

PUT_BACK = "the last good container was put back"
NOTHING_LEFT = "nothing was running before, nothing is left running"


class ServiceFailedError(RuntimeError):
    """A service did not become healthy; the message names it, the reason, its last log lines and what was done.

    `causes` are the lines of logs that say why, and what of the data is damaged.
    """

    def __init__(self, words: str, causes: Sequence[str] = ()) -> None:
        """``words`` are the message."""
        super().__init__(words)
        self.causes = list(causes)

    def in_other_words(self, words: str) -> ServiceFailedError:
        """Return the same failure with another message."""
        return ServiceFailedError(words, self.causes)


@dataclass
class Replacement:
    """One service's container. ``remember`` is told the service, and the image (id) that it ran before, on success.

    ``adopt`` gives folders of the former settings to the new ones, while nothing of the service runs; they are below
    ``root``.
    """

    service: Service
    engine: Engine
    clock: Callable[[], float]
    remember: Callable[[Service, str], None]
    pause: Callable[[float], None] = time.sleep
    adopt: Callable[[], list[rename_data.Move]] = list
    root: str = "/var/lib/robot-stack"
    _moves: list[rename_data.Move] = field(default_factory=list, init=False)

    @property
    def _name(self) -> str:
        return name_of(self.service.name)

    @property
    def _previous(self) -> str:
        return self._name + PREVIOUS

    def make(self, request: Mapping[str, Any]) -> None:
        """Make the container that ``request`` asks for and let it take over, or raise `ServiceFailedError`."""
        before = self.engine.inspect(self._name)
        moment = self.clock()
        versions = self._versions(moment) if self._changes(before) else None
        try:
            self._set_aside(before)
            self._moves = self.adopt()
            self.engine.create(self._name, request)
            self.engine.start(self._name)
            reason = http.wait_until_healthy(self.service, self._ended, pause=self.pause)
            reason = reason or data_check.lost(self.service, moment, versions, data_check.VERSIONS)
        except EngineError as error:
            reason = str(error)
        except BaseException:  # whatever it was: what worked runs again before anything else
            self._put_back(before)
            raise
        self._finish(reason, before)

    def start(self) -> str:
        """Let what is right and does not run, run; return why the engine refuses it, "" where it does not.

        Raises `ServiceFailedError` where it runs and does not become healthy.
        """
        before = self.engine.inspect(self._name) or FoundContainer("", self._name)
        try:
            if before.status == PAUSED:
                self.engine.resume(self._name)
            else:
                self.engine.start(self._name)
        except EngineError as error:
            return str(error)
        # engines begin to count anew at a start that was asked for, or go on
        reason = http.wait_until_healthy(self.service, lambda: self._ended((0, before.restarts)), pause=self.pause)
        if reason:
            raise self._failed(reason, lambda: "its container is as declared, and was started as it is")
        return ""

    def settle(self) -> None:
        """Finish a replacement that was cut off after the new container had been made."""
        self._finish(http.wait_until_healthy(self.service, self._ended, pause=self.pause), None)

    def _versions(self, moment: float) -> int | None:
        return data_check.series_at(self.service, moment, data_check.VERSIONS)

    def _changes(self, before: FoundContainer | None) -> bool:
        """Whether another image is about to run: its version may read what was kept in another way."""
        image = self.engine.image(self.service.image) if before else None
        return bool(before and image and before.image != image.id)

    def _set_aside(self, before: FoundContainer | None) -> None:
        if before is None:
            return
        self.engine.stop(self._name, self.service.stop_timeout_seconds)
        if self.engine.inspect(self._previous) is None:
            self.engine.rename(self._name, self._previous)
        else:
            # an interrupted run made what runs, and nobody saw it work: what that run set aside stays the good one
            self.engine.remove(self._name)

    def _ended(self, restarts: Collection[int] = (0,)) -> str:
        now = self.engine.inspect(self._name) or FoundContainer("", self._name)
        if now.restarting or not now.running or now.restarts not in restarts:
            why = "OOM kill" if now.oom_killed else f"exit code {now.exit_code}"
            return f"its container ended ({why})"
        return ""

    def _finish(self, reason: str | None, before: FoundContainer | None) -> None:
        if reason:
            raise self._failed(reason, lambda: self._put_back(before))
        # remembered first, removed after: a run that is cut off in between is finished by the next one
        previous = self.engine.inspect(self._previous)
        self.remember(self.service, previous.image if previous else "")
        self.engine.remove(self._previous)

    def _failed(self, reason: str, undo: Callable[[], str]) -> ServiceFailedError:
        """Return the failure, after ``undo``, which tells what it did; a container that goes takes its log with it."""
        try:
            said = cause.of(self.engine, self.service, self.root)
            causes = cause.in_short(self.engine, [self.service], self.root)
        except BaseException:  # whatever it was: what worked runs again before anything else
            undo()
            raise
        words = [f"{self.service.name}: {reason}; {undo()}", said]
        return ServiceFailedError("\n".join(filter(None, words)), causes)

    def _put_back(self, before: FoundContainer | None) -> str:
        """Let what worked run again; ``before`` is what bore the name when this began. Return what was done."""
        now = self.engine.inspect(self._name)
        untouched = before is not None and now is not None and now.id == before.id
        if not untouched:
            self.engine.remove(self._name)
            rename_data.give_back(self._moves)
            if self.engine.inspect(self._previous) is None:
                return NOTHING_LEFT
            self.engine.rename(self._previous, self._name)
        try:
            self.engine.start(self._name)
        except EngineError as error:  # told beside the failure that led here
            return f"{PUT_BACK}, and cannot be started: {error}"
        return PUT_BACK
