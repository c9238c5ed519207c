"""Whether systemd understands when a timer shall fire."""

from __future__ import annotations

from subprocess import SubprocessError

from . import systemd
from .systemd import CommandError, Run


def objection(calendar: str, run: Run | None = None) -> str:
    """Return what systemd has against ``calendar``, "" where it takes it, or where it cannot be asked."""
    try:
        (run or systemd.run)(["systemd-analyze", "calendar", "--", calendar])
    except CommandError as error:
        said, _, _ = error.words.partition("\n")  # a hint follows, in lines of its own
        return said or "systemd does not understand it"
    except (OSError, SubprocessError):
        return ""
    return ""
