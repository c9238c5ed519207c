"""One run of a hub's backup, started by its timer: a snapshot, its copy in the destination, and what became of it.

The database goes on whatever happens here. A run that is cut off leaves the last whole backup alone; what it had made
is removed by systemd's ExecStopPost (`clean`), or by the next run.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Callable

from ..base import durations, lock
from ..base.folder import Folder
from ..base.roots import Roots
from ..base.units import MIB
from ..engine.drivers import connect
from ..engine.protocol import Engine, EngineError
from ..records import job_record, record_file
from ..records.job_record import Contents, JobRecord
from ..spec.model import EngineSpec
from . import contents, destination
from .container import JobError, Worker, uploaded
from .destination import LATEST, PREVIOUS, Chain, Destination
from .snapshot import Database

PATIENCE_SECONDS = 1800.0  # a deployment that has begun is waited for
LARGEST_SETTINGS = 256 * 1024
MARGIN = 64 * MIB
CUT_OFF = "it was cut off"
FAILURES = (JobError, EngineError, lock.BusyError, contents.OddError, destination.DestinationError, OSError)
Tell = Callable[[str], None]


@dataclass
class Run:
    """What a run works with."""

    name: str
    root: Path
    database: Database
    where: Destination
    worker: Worker
    roots: Roots
    clock: Callable[[], float] = time.time
    secret: Path | None = None  # the file with the database's password, until it is read

    def record(self) -> JobRecord:
        """Return what is remembered."""
        return job_record.load(self.root, self.database.name)

    def remember(self, **changed: Any) -> str:
        """Change what is remembered; return, in words, what could not be read of it, and was kept aside."""
        return job_record.renew(self.root, self.database.name, self.clock(), lambda known: replace(known, **changed))

    def clean(self) -> None:
        """Remove what a run that was cut off has left: its container, and its snapshot."""
        with suppress(EngineError):
            self.worker.remove()
        name = self.record().snapshot
        if name:
            with suppress(JobError):  # a database that does not run keeps it; it drops what is three days old
                self._login()
                self.database.drop(name)
                self.remember(snapshot="")

    def _login(self) -> None:
        if self.secret is None:
            return
        try:
            password = self.secret.read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            why = f"the password of {self.database.name} cannot be read ({error}): run playbooks/hub.yml"
            raise JobError(why) from error
        self.database, self.secret = replace(self.database, password=password), None

    def once(self) -> str:
        """Make a backup and return what was done, in words; raises one of FAILURES."""
        why = self.where.objection()
        if why:
            raise JobError(why)
        unread = self.remember(running=True, run_at=self.clock())
        if unread and not self.where.job.folder and self.record().base != self.where.base:
            raise JobError(
                f"{unread}: nothing else tells which chain in {self.where.base} goes on. Put it back as it was; where "
                "it is lost, the next backup begins a new chain, and the old one stays"
            )
        self._login()
        self.database.wait()
        self.clean()
        name = self.database.create()
        self.remember(snapshot=name)
        try:
            done = self._copied(name)
        finally:
            self.clean()
        return f"{done}; {unread}" if unread else done

    def _copied(self, snapshot: str) -> str:
        with Folder.at(self.roots.path(self.database.path)) as data:
            holds = contents.of_snapshot(data, snapshot)
        chain = self._chain(holds)
        self._room(chain)
        base = {"base": self.where.base, "chain": chain.name}
        if chain.complete == LATEST:  # which is whole, and about to be changed
            self.remember(complete=LATEST, contents=chain.contents, **base)
            origin, copy = (self.where.url(chain.name, one) for one in (LATEST, PREVIOUS))
            self.worker.run(f"-origin={origin}", f"-dst={copy}")
        kept = PREVIOUS if chain.complete else ""
        self.remember(complete=kept, contents=chain.contents, **base)
        said = self.worker.run(f"-snapshotName={snapshot}", f"-dst={self.where.url(chain.name, LATEST)}")
        sent, words = uploaded(said), f"{self.where.base}/{chain.name}/{LATEST}"
        now = self.clock()
        done = {"running": False, "success_at": now, "run_at": now, "failure": "", "words": words, "uploaded": sent}
        self.remember(complete=LATEST, contents=holds, **base, **done)
        return f"backed up {holds.rows} samples to {words}, {destination.mib(sent)} of them new"

    def _chain(self, holds: Contents) -> Chain:
        """Return the chain that this backup goes into; raise `JobError` where that one is another database's."""
        chain = self.where.current(self.record())
        why = destination.objection(holds, chain.contents if chain.complete else Contents(), self._kept_since())
        if why and not (holds.rows and self.where.job.start_over):
            kept = f"{self.where.base}/{chain.name}" if chain.name else self.where.base
            raise JobError(
                f"{why}: {kept} was left as it is. If samples were lost, restore them (playbooks/hub_restore.yml); "
                "if this database shall be backed up, playbooks/hub.yml -e telemetry_hub_backup_start_over=true "
                "begins anew beside it"
            )
        return Chain(destination.began(self.clock())) if why or not chain.name else chain

    def _kept_since(self) -> float:
        try:
            return (self.clock() - durations.seconds(self.where.job.retention)) * 1000
        except ValueError:  # not told
            return 0.0

    def _room(self, chain: Chain) -> None:
        """The disk may be the database's own: what fills it would have it refuse samples."""
        free = self.where.free()
        if free is None:
            return
        with Folder.at(self.roots.path(self.database.path)) as data:
            needed = contents.missing(data, self.record().snapshot, self._there(chain))
        kept = self.where.job.free_mib * MIB
        if free < needed + kept + MARGIN:
            raise JobError(
                f"{destination.mib(free)} are free in {self.where.job.folder}: the backup needs "
                f"{destination.mib(needed)} more, and {destination.mib(kept + MARGIN)} stay free: free some space there"
            )

    def _there(self, chain: Chain) -> Callable[[tuple[str, ...]], bool]:
        """Return what tells whether the chain's newest backup has a file already."""

        def there(path: tuple[str, ...]) -> bool:
            try:
                with self.where.open(chain.name, LATEST) as backup, backup.down(*path[:-1]) as folder:
                    return folder.holds_folder(path[-1])
            except OSError:
                return False

        return there


def of(top: Path, name: str, roots: Roots, engine: Engine | None = None) -> Run:
    """Return the run of job ``name``, whose settings are in ``top``; raises `JobError`."""
    wrong: list[str] = []
    found = record_file.opened(record_file.read(top / f"{name}.json", LARGEST_SETTINGS), wrong)
    if found is None or not found.text("root"):
        raise JobError(f"{top}/{name}.json {wrong[0] if wrong else 'is not there'}: run playbooks/hub.yml")
    about, job = found.inside("database"), found.inside("job")
    password = about.text("password_path")
    engine = engine or connect(found.text("kind", EngineSpec.kind), found.text("socket"), timeout=30.0)
    owner = (found.count("uid"), found.count("gid"))
    request: Mapping[str, Any] = found.mapping("request")
    return Run(
        name,
        roots.path(found.text("root")),
        Database.of(about, ""),
        destination.of(job.raw, owner, roots),
        Worker(name, request, engine, roots),
        roots,
        secret=roots.path(password) if password else None,
    )


def run(top: Path, name: str, roots: Roots, tell: Tell, patience: float = PATIENCE_SECONDS) -> int:
    """Make a backup, tell of it, and return the exit code."""
    try:
        made = of(top, name, roots)
    except FAILURES as error:
        tell(str(error))
        return 1
    try:
        with lock.at_work(roots, patience):
            tell(made.once())
    except FAILURES as error:
        tell(f"no backup was made: {error}")
        with suppress(OSError):  # a full disk
            unread = made.remember(running=False, run_at=made.clock(), failure=str(error))
            if unread:
                tell(unread)
        return 1
    return 0


def clean(top: Path, name: str, roots: Roots, tell: Tell) -> int:
    """Remove what a run has left that did not come to its end, and note that it did not."""
    try:
        made = of(top, name, roots)
        with lock.at_work(roots):
            made.clean()
            if made.record().running:
                tell(CUT_OFF)
                made.remember(running=False, failure=CUT_OFF)
    except FAILURES as error:
        tell(str(error))
        return 1
    return 0


def _stopped(*_: object) -> None:
    raise JobError("it was stopped")


def main() -> None:
    """Be started by systemd: the settings' folder, the job's name, and perhaps the word clean."""
    signal.signal(signal.SIGTERM, _stopped)
    top, name, *more = sys.argv[1:]

    def tell(words: str) -> None:
        sys.stdout.write(f"{words}\n")
        sys.stdout.flush()

    sys.exit((clean if more else run)(Path(top), name, Roots(), tell))
