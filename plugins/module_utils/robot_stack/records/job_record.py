"""What became of the backups of one database: <root>/jobs/record-DATABASE.json. Times in seconds since 1970, 0: never.

Of backups in a bucket, which this computer cannot look into, it is also what is known of them.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Callable

from ..base.files import DesiredFile, write
from . import record_file
from .record_file import FORMAT

FOLDER = "jobs"
LARGEST_BYTES = 64 * 1024


@dataclass(frozen=True)
class Contents:
    """What samples a database or a backup holds: how many rows, and the first and the last moment (ms since 1970)."""

    rows: int = 0
    oldest: int = 0
    newest: int = 0


@dataclass(frozen=True)
class JobRecord:
    """What the last runs of a job left behind.

    ``running``: one has begun, and not come to its end. ``failure``: why the last one failed, "" where it did not.
    ``snapshot``: one that was made and not yet dropped. ``base``: the destination and the folder there that ``chain``,
    ``complete`` (the backup in it that is whole at any time from now on, "": none) and ``contents`` are about.
    """

    running: bool = False
    run_at: float = 0.0
    success_at: float = 0.0
    failure: str = ""
    words: str = ""  # of the last success
    uploaded: int = 0  # bytes, by the last success
    snapshot: str = ""
    base: str = ""
    chain: str = ""
    complete: str = ""
    contents: Contents = field(default_factory=Contents)


def path(root: Path, database: str) -> Path:
    """Return where the record of ``database`` is, below the stack's ``root``."""
    return root / FOLDER / f"record-{database}.json"


def load(root: Path, database: str, wrong: list[str] | None = None) -> JobRecord:
    """Return what is remembered; of what cannot be read, nothing is, and ``wrong`` gets words that follow its path."""
    problems = [] if wrong is None else wrong
    found = record_file.opened(record_file.read(path(root, database), LARGEST_BYTES), problems)
    if found is None:
        return JobRecord()
    inner = found.inside("contents")
    return JobRecord(
        running=found.flag("running"),
        run_at=found.number("run_at"),
        success_at=found.number("success_at"),
        failure=found.text("failure"),
        words=found.text("words"),
        uploaded=found.count("uploaded"),
        snapshot=found.text("snapshot"),
        base=found.text("base"),
        chain=found.text("chain"),
        complete=found.text("complete"),
        contents=Contents(inner.count("rows"), inner.count("oldest"), inner.count("newest")),
    )


def renew(root: Path, database: str, now: float, change: Callable[[JobRecord], JobRecord]) -> str:
    """Change what is remembered. What could not be read of it is kept aside first: that is returned in words, else "".

    ``now`` is in seconds since 1970. Raises OSError.
    """
    wrong: list[str] = []
    after, told = change(load(root, database, wrong)), ""
    if wrong:
        kept = record_file.set_aside(path(root, database), now)
        told = f"{path(root, database)} {wrong[0]}, and was kept aside as {kept}"
    save(after, root, database)
    return told


def save(record: JobRecord, root: Path, database: str) -> None:
    """Write it in one step, readable by root alone."""
    content = json.dumps({"format": FORMAT, **asdict(record)}, indent=1, sort_keys=True) + "\n"
    name = str(path(root, database).relative_to(root))
    write(DesiredFile(name, content, mode=0o600), root)
