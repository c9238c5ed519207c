"""The folder with a hub's secrets: what is in it, what a run takes out of it, and how its authority is exchanged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from ..whole_file import whole

KEY, CERTIFICATE = "ca.key", "ca.pem"
NEXT_KEY, NEXT, PREVIOUS = "ca.next.key", "ca.next.pem", "ca.previous.pem"
TRUSTED = (CERTIFICATE, NEXT, PREVIOUS)  # what robots are given: during an exchange they trust both
BEGIN, SWITCH, FINISH, CANCEL = "begin", "switch", "finish", "cancel"
CHANGE = "telemetry_hub_authority_change"


class FolderError(RuntimeError):
    """What was asked for cannot be done with this folder; the message says what to do instead."""


@dataclass(frozen=True)
class Folder:
    """The folder on this machine."""

    path: Path

    def has(self, name: str) -> bool:
        """Whether a file is there, with something in it."""
        path = self.path / name
        return path.is_file() and path.stat().st_size > 0

    def trusted(self) -> str:
        """Return the authorities that robots shall trust, as PEM; "" where there is none. Raises OSError."""
        texts = [(self.path / name).read_text(encoding="utf-8").strip() for name in TRUSTED if self.has(name)]
        return "\n".join(dict.fromkeys(texts))

    def remove(self, names: Iterable[str]) -> None:
        """Remove files; what is not there is none. Raises OSError."""
        for name in names:
            (self.path / name).unlink(missing_ok=True)

    def objection(self, step: str) -> str:
        """Return why a step of the exchange cannot be made now; "" where it can, or is made already."""
        if step == BEGIN and self.has(PREVIOUS):
            return f"the last exchange is not finished ({PREVIOUS} is there): run site.yml, then write finish"
        if step == SWITCH and not self.has(NEXT) and not self.has(PREVIOUS):
            return f"there is no {NEXT} to switch to: write begin, then run site.yml"
        if step == FINISH and self.has(NEXT):
            return f"the hub has not switched yet ({NEXT} is there): write switch first, or cancel"
        if step == CANCEL and self.has(PREVIOUS):
            return f"the hub has switched already ({PREVIOUS} is there): write finish"
        return ""

    def exchange(self, step: str) -> list[str]:
        """Make a step (but for the new authority, which tasks make); return the files that went. Raises OSError.

        Cut off anywhere, the same step can be made again, and robots trust whatever signs meanwhile.
        """
        gone: Sequence[str] = ()
        if step == SWITCH and self.has(NEXT):
            gone = (NEXT_KEY, NEXT)
            if self.has(NEXT_KEY):
                with whole(self.path / PREVIOUS) as partial:
                    partial.write_bytes((self.path / CERTIFICATE).read_bytes())
                (self.path / NEXT_KEY).replace(self.path / KEY)
            (self.path / NEXT).replace(self.path / CERTIFICATE)
        elif step in (FINISH, CANCEL):
            gone = [name for name in ((PREVIOUS,) if step == FINISH else (NEXT_KEY, NEXT)) if self.has(name)]
            self.remove(gone)
        return list(gone)


def chosen(patterns: Sequence[str], known: Iterable[str]) -> list[str]:
    """Return the files that are meant. Raises FolderError for a pattern that means none."""
    names = sorted(set(known))
    idle = [pattern for pattern in patterns if not any(fnmatchcase(name, pattern) for name in names)]
    if idle:
        shown = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
        raise FolderError(f"there is no {', '.join(idle)} among the files that are made there ({shown})")
    return [name for name in names if any(fnmatchcase(name, pattern) for pattern in patterns)]
