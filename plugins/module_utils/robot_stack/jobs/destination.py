"""Where a hub's backups are: DESTINATION/PLACE/CHAIN/latest, and beside it `previous`, the one before it.

A chain is named by its beginning. `latest` is written anew each time, incrementally, and before that it is copied to
`previous` where it is: so one of the two is whole at any time. Nothing here removes or overwrites another chain. A
folder on this computer tells itself what is in it; of a bucket this computer's own record is all that is known.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from ..base.folder import Folder
from ..base.roots import Roots
from ..base.units import MIB
from ..records.job_record import Contents, JobRecord
from ..spec.layout import JOB_BACKUPS
from ..spec.model import Job
from . import contents

LATEST, PREVIOUS = "latest", "previous"
STORAGE = (
    ".vmstorage"  # so ends the place of a cluster's storage: no other database opens what it writes, nor it theirs
)
CHAIN = re.compile(r"[0-9]{8}T[0-9]{6}Z")
MOVED_SHARE = 0.5  # with less than this share of the rows it had, a database is taken for another one
NOT_OTHERS = stat.S_IWGRP | stat.S_IWOTH


class DestinationError(RuntimeError):
    """There is no place for a backup; the message says why and what to do."""


@dataclass(frozen=True)
class Chain:
    """The chain that goes on: its name, which of its backups is whole ("": none), and what that holds."""

    name: str = ""
    complete: str = ""
    contents: Contents = field(default_factory=Contents)


@dataclass(frozen=True)
class Destination:
    """Where one database's backups are; ``owner`` is the user of the job's container."""

    job: Job
    owner: tuple[int, int]
    roots: Roots

    @property
    def base(self) -> str:
        """What all chains of this computer are below, for people."""
        return f"{self.job.destination.rstrip('/')}/{self.job.place}"

    def url(self, chain: str, name: str) -> str:
        """Return where a backup is, as the job's container has to be told."""
        top = f"fs://{JOB_BACKUPS}/{self.job.place}" if self.job.folder else self.base
        return f"{top}/{chain}/{name}"

    def objection(self) -> str:
        """Return why nothing can be written there, and what to do; "" where it can, or where nobody can look."""
        if not self.job.folder:
            return ""
        uid, gid = self.owner
        path, remedy = self.job.folder, f"install -d -o {uid} -g {gid} -m 0700 {self.job.folder}"
        try:
            with Folder.at(self.roots.path(path)) as folder:
                status = os.fstat(folder.descriptor)
        except FileNotFoundError:
            return f"{path} is not there: mount its disk, or make it: {remedy}"
        except OSError as error:
            return f"{path} is no folder ({error.strerror}): name another one, or make it: {remedy}"
        if status.st_uid != uid or status.st_mode & NOT_OTHERS:
            who = f"it belongs to {status.st_uid}:{status.st_gid}, mode {stat.S_IMODE(status.st_mode):04o}"
            return f"{path} is not the backup's own ({who}): {remedy}"
        return ""

    def free(self) -> int | None:
        """Return the bytes that are free there; None where nobody can say."""
        if not self.job.folder:
            return None
        found = os.statvfs(self.roots.path(self.job.folder))
        return found.f_bavail * found.f_frsize

    def current(self, record: JobRecord) -> Chain:
        """Return the chain that goes on; raise `OddError` where its backup cannot be read."""
        if self.job.folder:
            return self._found(record.chain if record.base == self.base else "")
        if record.base != self.base:
            return Chain()
        return Chain(record.chain, record.complete, record.contents)

    def _found(self, goes_on: str) -> Chain:
        """Return the chain ``goes_on``; where that is none of these, the youngest."""
        names = self.chains()
        if not names:
            return Chain()
        name = goes_on if goes_on in names else names[-1]
        complete = self.whole(name)
        return Chain(name, complete, self.holds(name, complete)) if complete else Chain(name)

    def holds(self, chain: str, name: str) -> Contents:
        """Return what a backup in a folder holds; raise `OddError` where it cannot be read."""
        with self.open(chain, name) as backup:
            return contents.of_backup(backup)

    def chains(self) -> list[str]:
        """Return the names of the chains in a folder, the oldest first."""
        try:
            with Folder.at(self.roots.path(self.job.folder)) as top, top.inside(self.job.place) as own:
                return [name for name in own.names() if CHAIN.fullmatch(name) and own.holds_folder(name)]
        except FileNotFoundError:
            return []

    def whole(self, chain: str) -> str:
        """Return which backup of a chain in a folder is whole, the newer one where both are; "": none."""
        return next(self.all_whole(chain), "")

    def all_whole(self, chain: str) -> Iterator[str]:
        """Return the backups of a chain in a folder that came to their end, the newer one first."""
        for name in (LATEST, PREVIOUS):
            try:
                with self.open(chain, name) as backup:
                    complete = contents.is_complete(backup)
            except FileNotFoundError:
                continue
            if complete:
                yield name

    def open(self, chain: str, name: str) -> Folder:
        """Open a backup in a folder."""
        with Folder.at(self.roots.path(self.job.folder)) as top:
            return top.down(self.job.place, chain, name)


def began(now: float) -> str:
    """Return the name of a chain that begins now (seconds since 1970)."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))


def objection(now: Contents, before: Contents, kept_since: float = 0.0) -> str:
    """Return why a database with ``now`` is not the one of which a backup holds ``before``; "" where it may be.

    ``kept_since`` (ms since 1970): what is older may have been dropped, because it need not be kept any longer.
    """
    if not now.rows:
        return "the database holds no samples"
    if not before.rows:
        return ""
    if now.oldest > before.newest:
        return f"the database begins {_at(now.oldest)}, after the end of its backup ({_at(before.newest)})"
    if now.rows < before.rows * _kept(before, kept_since) * MOVED_SHARE:
        return f"the database holds {now.rows} samples, its backup {before.rows}"
    return ""


def _kept(held: Contents, since: float) -> float:
    """Return the share of samples that are not older than ``since``, as if they were even over time."""
    if since <= held.oldest:
        return 1.0
    return max(0.0, held.newest - since) / (held.newest - held.oldest or 1)


def _at(moment: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(moment / 1000))


def named(path: str, place: str) -> tuple[str, str, str]:
    """Return place, chain and name of the backup ``path``: [PLACE/]CHAIN/NAME. Raises DestinationError."""
    parts = PurePosixPath(path).parts
    place, chain, name = parts if len(parts) == 3 else (place, *parts, "", "")[:3]
    plain = re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", place) and CHAIN.fullmatch(chain)
    if not plain or name not in (LATEST, PREVIOUS) or len(parts) not in (2, 3):
        raise DestinationError(f"{path!r} names no backup: write CHAIN/{LATEST} or CHAIN/{PREVIOUS}")
    return place, chain, name


def stranger(place: str, own: str) -> str:
    """Return why a backup at ``place`` is none for the database whose own place is ``own``; "" where it is."""
    if place.endswith(STORAGE) == own.endswith(STORAGE):
        return ""
    kinds = ("the database of one hub or of a pair", "a cluster's storage")
    written, here = kinds if own.endswith(STORAGE) else kinds[::-1]
    return f"is a backup of {written}, which {here} does not open"


def mib(size: int) -> str:
    """Return bytes as text in MiB."""
    return f"{size / MIB:.1f} MiB"


def of(raw: Mapping[str, Any], owner: tuple[int, int], roots: Roots) -> Destination:
    """Return the destination that a job's settings name."""
    kind, database, url, place = (str(raw.get(key) or "") for key in ("kind", "database", "destination", "place"))
    free, start_over = int(raw.get("free_mib") or 0), bool(raw.get("start_over"))
    retention = str(raw.get("retention") or "")
    job = Job(kind, database, url, place, free_mib=free, start_over=start_over, retention=retention)
    return Destination(job, owner, roots)
