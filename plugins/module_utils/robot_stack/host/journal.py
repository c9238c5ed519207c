"""Who changed what on this robot, line by line, in its journal: `journalctl -t robot-stack _UID=0`.

Lines go to /dev/log, where journald or another syslog listens, while a run is at work: one that is cut off has told
what it did. Where nobody listens a run goes on all the same, and nothing is kept.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..base.roots import Roots

NAME = "robot-stack"
LISTENS = "/dev/log"
PRIORITY = 10 * 8 + 5  # facility authpriv, severity notice
LONGEST = 1000  # characters of one part
PATIENCE_SECONDS = 1.0


def printable(text: str) -> str:
    """Return ``text`` as a part of one line, cut where it is too long: what cannot be printed is written out."""
    cut = text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in cut)


@dataclass
class Journal:
    """Tells what one run does; ``by`` says whose run it is, ``doing`` what it was asked for."""

    roots: Roots
    by: str = "unknown"
    doing: str = ""
    _silent: bool = field(default=False, init=False)

    @classmethod
    def of(cls, roots: Roots, operator: Mapping[str, Any], doing: str) -> Journal:
        """Return the journal of a run whose ``operator`` the controller names: `user`, and the `run`."""
        user, run = str(operator.get("user") or "unknown"), str(operator.get("run") or "")
        return cls(roots, f"{user} ({run})" if run else user, doing)

    def tell(self, words: str) -> None:
        """Add a line; no secret may be in ``words``. A log that does not take it is not asked again."""
        if self._silent:
            return
        text = ", ".join(printable(part) for part in (self.by, self.doing) if part) + f": {printable(words)}"
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
                log.settimeout(PATIENCE_SECONDS)
                log.connect(str(self.roots.path(LISTENS)))
                log.send(f"<{PRIORITY}>{NAME}[{os.getpid()}]: {text}".encode())
        except OSError:  # no log, or one that is stuck, keeps no robot from its limits
            self._silent = True
