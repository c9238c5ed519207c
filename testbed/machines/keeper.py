"""What keeps a machine running: QEMU is started again after a reboot or a power cut, until the robot is off."""

from __future__ import annotations

import enum
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class End:
    """How QEMU ended: its exit code (negative: the signal), and the reason that its monitor gave ("": none)."""

    code: int
    reason: str = ""


class Run(Protocol):
    """One run of QEMU."""

    pid: int

    def answers(self) -> bool:
        """Wait until its monitor answers; return whether it does."""

    def ended(self) -> End:
        """Wait for its end."""

    def kill(self) -> None:
        """End it at once, where it still runs."""


class Next(enum.Enum):
    """What comes after QEMU's end."""

    START_AGAIN = "start again"
    SWITCHED_OFF = "switched off"
    FAILED = "failed"


def decide(end: End) -> Next:
    """Return what comes after QEMU's end.

    A kill is a power cut (`control.cut`), after which the power is back; a reboot needs a new start, since the kernel
    line may be another one. Anything else that the robot did not ask for is a failure of QEMU's.
    """
    if end.code == -signal.SIGKILL or (end.code == 0 and end.reason == "guest-reset"):
        return Next.START_AGAIN
    if end.code == 0 and end.reason == "guest-shutdown":
        return Next.SWITCHED_OFF
    return Next.FAILED


def keep(launch: Callable[[], Run], started: Callable[[int, int], None]) -> str:
    """Run the machine until it is switched off; return why it does not run any longer.

    ``launch`` starts QEMU with the kernel line as it is now, and raises ValueError where there is none. ``started`` is
    told the number of the start and QEMU's process, once its monitor answers. Whatever ends this ends QEMU.
    """
    number = 0
    while True:
        try:
            run = launch()
        except ValueError as error:
            return f"failed: {error}"
        try:
            if not run.answers():
                run.kill()
                return f"failed: QEMU did not answer (exit code {run.ended().code})"
            number += 1
            started(number, run.pid)
            end = run.ended()
        finally:
            run.kill()
        following = decide(end)
        if following is not Next.START_AGAIN:
            words = f"exit code {end.code}{', ' + end.reason if end.reason else ''}"
            return f"{following.value}: QEMU ended ({words})"
