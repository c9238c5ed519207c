"""What a course does with its machine: the doors that it needs (robot.Robot has them), and how it is looked at."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import Any, Protocol

from . import parts
from .variants import Variant

LOOKS = 5
PAUSE_SECONDS = 3.0
SETTLING_SECONDS = 120.0
SITE = "playbooks/site.yml"

Say = Callable[[str], None]


class Looker(Protocol):
    """What looks at a machine."""

    def look(self) -> dict[str, Any]:
        """Return what is now."""

    def forget(self) -> dict[str, Any]:
        """Begin the extremes anew."""


class Machine(Protocol):
    """A machine that can be measured (robot.Robot)."""

    variant: Variant

    def playbook(self, path: str, *words: str) -> str:
        """Run a playbook against it."""

    def run(self, command: str, given: bytes = b"") -> str:
        """Run a shell command as root."""

    def cut(self) -> None:
        """Take its power, and give it back."""

    def observer(self) -> AbstractContextManager[Looker]:
        """Look at it for as long as the context lasts."""

    def tunnel(self, address: str) -> AbstractContextManager[str]:
        """Reach an address of its loopback for as long as the context lasts."""


class Looking:
    """Looks at one machine, with an observer that is begun anew after each boot."""

    def __init__(self, machine: Machine, sleep: Callable[[float], None]) -> None:
        """Begin with nobody who looks."""
        self.machine, self.sleep = machine, sleep
        self.moments: dict[str, dict[str, Any]] = {}
        self._observer: Looker | None = None
        self._held = ExitStack()

    def begin(self) -> None:
        """Have somebody look at the machine from now on. Raises FailedError."""
        self.close()
        self._observer = self._held.enter_context(self.machine.observer())

    def close(self) -> None:
        """Have nobody look any more."""
        self._observer = None
        self._held.close()

    def look(self) -> dict[str, Any]:
        """Return what is now. Raises FailedError."""
        return self._asked().look()

    def forget(self) -> None:
        """Begin the extremes anew. Raises FailedError."""
        self._asked().forget()

    def _asked(self) -> Looker:
        if self._observer is None:
            raise TypeError("nobody looks at the machine: begin() comes first")
        return self._observer

    def keep(self, name: str) -> None:
        """Look several times, once memory does not change any more; keep the look with the most memory used."""
        self.settle()
        looks = []
        for _ in range(LOOKS):
            looks.append(self.look())
            self.sleep(PAUSE_SECONDS)
        self.keep_these(name, looks)

    def keep_these(self, name: str, looks: list[dict[str, Any]]) -> None:
        """Keep the look with the most memory used, and the highest of all of them."""
        self.moments[name] = parts.moment(parts.highest(looks), self.machine.variant.slice)
        self.moments[name]["highest_of_looks"] = parts.highest_of(looks)

    def settle(self) -> None:
        """Wait until memory does not change any more, for some time at most. Raises FailedError."""
        used: list[int] = []
        for _ in range(int(SETTLING_SECONDS / PAUSE_SECONDS)):
            used.append(int(self.look()["used"]))
            if parts.settled(used):
                return
            self.sleep(PAUSE_SECONDS)
