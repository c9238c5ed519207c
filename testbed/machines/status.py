"""What a machine's keeper says of itself, in a file; that it runs at all, a lock says, which ends with it."""

from __future__ import annotations

import contextlib
import fcntl
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

STATUS, LOCK = "status.json", "keeper.lock"


@dataclass(frozen=True)
class Status:
    """The processes of keeper and QEMU, how often QEMU was started, and why it does not run ("": it does)."""

    keeper: int
    qemu: int = 0
    starts: int = 0
    over: str = ""


def write(folder: Path, status: Status) -> None:
    """Put the status in the place of the one before."""
    new = folder / f"{STATUS}.new"
    new.write_text(json.dumps(asdict(status)), encoding="utf-8")
    new.replace(folder / STATUS)


def read(folder: Path) -> Status | None:
    """Return what the last keeper said, None where there was none."""
    try:
        return Status(**json.loads((folder / STATUS).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


@contextlib.contextmanager
def held(path: Path, shared: bool = False) -> Iterator[None]:
    """Hold a lock while the context lasts. Raises BlockingIOError where somebody else has it."""
    with path.open("a") as file:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        yield


def is_kept(folder: Path) -> bool:
    """Whether a keeper looks after the machine now."""
    if not folder.is_dir():
        return False
    try:
        with held(folder / LOCK):
            return False
    except BlockingIOError:
        return True
