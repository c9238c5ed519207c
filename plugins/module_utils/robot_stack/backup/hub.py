"""A hub's samples back from its backup: checked before anything is touched, laid beside the data, then swapped in.

Robots keep their samples while the database is stopped. What was there before stays until the database answers and
finds the newest sample of the backup; until then everything can be cut off, and done again.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Callable

from ..ask import data_check, http
from ..base.files import make_folders
from ..base.folder import Folder
from ..base.roots import Roots
from ..base.units import MIB
from ..engine.protocol import Engine, EngineError, name_of
from ..host import disk_space
from ..jobs import contents, destination
from ..jobs import setup as jobs_setup
from ..jobs.container import JobError, Worker
from ..jobs.destination import Destination, DestinationError
from ..records import job_record, record_file
from ..records.job_record import Contents, JobRecord
from ..spec.layout import RESTORED
from ..spec.model import Service
from . import swap
from .chosen import Chosen, at_place, choose
from .database import MARGIN, BackupError, retention_seconds
from .storage import Storage

LARGEST_SETTINGS = 256 * 1024


@dataclass
class Hub:
    """One host's database; ``job`` is what restores it, ``data`` the name of its data below the stack's ``root``."""

    database: Service
    data: str
    root: str
    retention: str
    job: str
    where: Destination
    roots: Roots
    engine: Engine
    ask: data_check.Ask = http.get
    clock: Callable[[], float] = time.time
    pause: Callable[[float], None] = field(default=time.sleep)

    @property
    def path(self) -> Path:
        """Where the samples are."""
        return self.roots.path(f"{self.root}/{self.database.name}/{self.data}")

    @property
    def is_storage(self) -> bool:
        """Whether it is a storage of a cluster, which answers no query."""
        return not self.database.history_url

    def check(self, wanted: str, replace: bool) -> Chosen:
        """Return the backup ``wanted`` ("": the newest whole one); raise BackupError where it must not be restored."""
        if swap.kept(self.path) and not replace:
            size = disk_space.used(self.path) / MIB
            raise BackupError(
                f"{self.path} holds samples already ({size:.1f} MiB): nothing was touched. {self._unless_replaced()}"
            )
        try:
            chosen = choose(self.where, wanted, self._record())
        except (contents.OddError, DestinationError, OSError) as error:
            raise BackupError(f"{self.where.job.destination}: {error}; nothing was touched") from error
        free = disk_space.of(self.path).available + swap.left_over(self.path)
        if chosen.bytes + MARGIN > free:
            raise BackupError(
                f"{free / MIB:.0f} MiB of disk are free for {self.path}, {(chosen.bytes + MARGIN) / MIB:.0f} MiB are "
                "needed for the backup beside what is there: free some space"
            )
        return chosen

    def _unless_replaced(self) -> str:
        """Return what to do where there are samples: one host of a cluster may have lost its own, and this one not."""
        replaced = "those of the backup, add -e restore_replace=true"
        if self.is_storage:
            return f"Leave this host out with --limit, or, to replace them by {replaced} and --limit with it alone"
        return f"To replace them by {replaced}"

    def restore(self, wanted: str, replace: bool) -> str:
        """Put the backup into place and return what was done; where that fails, what was there is there again."""
        chosen = self.check(wanted, replace)
        worker = Worker(self.job, self._request(), self.engine, self.roots)
        name, runs = name_of(self.database.name), self._runs()
        try:
            if runs:  # from here on: what lies there is its user's, who shall not be at work beside root
                self._end_earlier()
                self.engine.stop(name, self.database.stop_timeout_seconds)
            swap.recover(self.path)
            holds = self._laid(worker, chosen)
            swap.swap(self.path)
            reason = self._started(holds) if runs else ""
        except BaseException:
            self._back(name, runs)
            raise
        if reason:
            self._back(name, runs)
            raise BackupError(f"{self.database.name} with the restored samples: {reason}; what was there was put back")
        swap.keep(self.path)
        unread = self._goes_on(chosen, holds)
        done = f"{holds.rows} samples, from {self.at(holds.oldest)} to {self.at(holds.newest)}, of {chosen.path}"
        return f"{done}; {unread}" if unread else done

    def _request(self) -> dict[str, Any]:
        path = self.roots.path(jobs_setup.settings_path(self.root, self.job))
        found = record_file.opened(record_file.read(path, LARGEST_SETTINGS), [])
        request = found.mapping("request") if found else {}
        if not request:
            raise BackupError(f"{path} does not say how to restore: run playbooks/hub_restore.yml as a whole")
        return request

    def _laid(self, worker: Worker, chosen: Chosen) -> Contents:
        """Have the backup's files beside the database's, in a folder of their own, and return what they hold."""
        uid, gid = self.where.owner
        make_folders(self.path)
        with Folder.at(self.path) as data:
            data.remove(RESTORED)
            os.fchmod(data.descriptor, 0o750)
            os.fchown(data.descriptor, uid, gid)
            with data.make(RESTORED) as empty:
                os.fchown(empty.descriptor, uid, gid)
        try:
            worker.run(f"-src={at_place(self.where, chosen.place).url(chosen.chain, chosen.name)}")
        except JobError as error:
            raise BackupError(f"{chosen.path} could not be restored: {error}") from error
        with Folder.at(self.path) as data, data.inside(RESTORED) as made:
            if made.status(swap.GUARD) is not None:
                raise BackupError(f"{chosen.path} was not restored to its end")
            holds = contents.of_data(made)
        if not holds.rows or (chosen.bytes and holds != chosen.contents):
            raise BackupError(f"{chosen.path} holds {chosen.contents.rows} samples, {holds.rows} of them arrived")
        return holds

    def _runs(self) -> bool:
        if not self.engine.reachable():
            raise BackupError("the container engine does not answer: nothing was touched. Start it first")
        return self.engine.inspect(name_of(self.database.name)) is not None

    def _end_earlier(self) -> None:
        """End a restore that was cut off at its end: a database that serves has gone on with what it brought."""
        name, probe = name_of(self.database.name), self.database.probe
        if swap.unended(self.path) and not self._ended(name):
            status, _ = self.ask(probe.url, probe.username, http.password_of(self.database))
            if status == 200:
                swap.keep(self.path)

    def _back(self, name: str, runs: bool) -> None:
        if runs:
            self.engine.stop(name, self.database.stop_timeout_seconds)
        swap.undo(self.path)
        if runs:
            self.engine.start(name)

    def _started(self, holds: Contents) -> str:
        name = name_of(self.database.name)
        try:
            self.engine.start(name)
        except EngineError as error:
            return str(error)
        reason = http.wait_until_healthy(self.database, lambda: self._ended(name), self.ask, self.pause)
        return reason or self.missing(holds)

    def _ended(self, name: str) -> str:
        now = self.engine.inspect(name)
        return "" if now and now.running else f"its container ended (exit code {now.exit_code if now else 'unknown'})"

    def missing(self, holds: Contents) -> str:
        """Return "" where the database finds the newest sample of the backup, else what it says instead."""
        newest = holds.newest / 1000
        if newest < self.clock() - retention_seconds(self.retention):
            return ""  # older than what it keeps: it may have dropped it by now
        if self.is_storage:
            kept_since = (self.clock() - retention_seconds(self.retention)) * 1000
            path = f"{self.root}/{self.database.name}/{self.data}"
            return Storage.of(self.database, path, self.roots, self.ask).missing(holds, kept_since)
        return data_check.lost(self.database, newest, 1, ask=self.ask, pause=self.pause)

    def found(self, wanted: str) -> str:
        """Return, in words, that the database finds what was restored; raise BackupError where it does not."""
        holds = self._remembered(wanted)
        if not holds.rows:
            holds = choose(self.where, wanted, self._record()).contents
        if not holds.rows:
            return "the database runs; of a backup in a bucket nothing is known to be looked for"
        why = self.missing(holds)
        if why:
            raise BackupError(f"{self.database.name}: {why}")
        return f"the database finds the newest sample of the backup, of {self.at(holds.newest)}"

    def _remembered(self, wanted: str) -> Contents:
        """Return what the record says of the backup ``wanted``; of another one, nothing."""
        record, job = self._record(), self.where.job
        newest = (job.place, record.chain, record.complete)
        place, chain, name = destination.named(wanted, job.place) if wanted else newest
        about = (f"{job.destination.rstrip('/')}/{place}", chain, name)
        return record.contents if name and about == (record.base, record.chain, record.complete) else Contents()

    def _goes_on(self, chosen: Chosen, holds: Contents) -> str:
        """The chain that was restored from is the one that goes on: of a bucket only this record tells that.

        Return, in words, what could not be read of the record before, and was kept aside.
        """
        base = f"{self.where.job.destination.rstrip('/')}/{chosen.place}"
        if base != self.where.base:
            return ""
        made: dict[str, Any] = {"base": base, "chain": chosen.chain, "complete": chosen.name, "contents": holds}

        def change(known: JobRecord) -> JobRecord:  # when the last backup there was made is as true as before
            return replace(known if known.base == base else JobRecord(), **made)

        return job_record.renew(self.roots.path(self.root), self.database.name, self.clock(), change)

    def _record(self) -> JobRecord:
        return job_record.load(self.roots.path(self.root), self.database.name)

    def at(self, moment: int) -> str:
        """Return a moment (ms since 1970) for people."""
        return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(moment / 1000))
