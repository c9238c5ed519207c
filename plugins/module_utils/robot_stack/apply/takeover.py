"""How a service comes from an engine of another kind, which the robot had before: one container ends, the other begins.

The former one goes once the new one was seen to work; where it does not, the former one runs again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Callable

from ..engine.protocol import Engine, EngineError, FoundContainer, name_of
from .replacement import ServiceFailedError


def ended(engine: Engine, name: str) -> str:
    """Remove a container that had its time to write down what it still held in memory; return its service."""
    found = engine.inspect(name)
    if found is None:
        return ""  # a step before this one removed it
    engine.stop(name, found.stop_timeout_seconds)
    engine.remove(name)
    return found.service


@dataclass
class Takeover:
    """``former`` is the other engine, and ``containers`` what of ours is on it, by name."""

    former: Engine | None = None
    containers: Mapping[str, FoundContainer] = field(default_factory=dict)

    def of(self, service: str, make: Callable[[], None]) -> None:
        """``make`` the container of a service, in place of the former engine's where there is one."""
        before = self.containers.get(name_of(service))
        if before is None or self.former is None:
            make()
            return
        self.former.stop(before.name, before.stop_timeout_seconds)
        try:
            make()
        except BaseException as error:
            again = self._start_again(self.former, before.name)
            if isinstance(error, ServiceFailedError):
                raise error.in_other_words(f"{error}\n{again}") from error
            raise
        self.former.remove(before.name)

    @staticmethod
    def _start_again(former: Engine, name: str) -> str:
        """Start a former container; return what came of it, which is told beside the failure that led here."""
        words = f"its container of {former.driver.name}"
        try:
            former.start(name)
        except EngineError as error:
            return f"{words} cannot be started again: {error}"
        return f"{words} was started again"

    def end(self, name: str) -> None:
        """Remove a container from the former engine."""
        if self.former is not None:
            ended(self.former, name)

    def remove_image(self, reference: str) -> None:
        """Remove an image from the former engine."""
        if self.former is not None:
            self.former.remove_image(reference)
