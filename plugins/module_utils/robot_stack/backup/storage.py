"""A storage of a cluster, asked whether it has what its backup held: it alone, and not the cluster.

No storage answers a query: a vmselect does, with what all of them have. What is this one's own is what it puts into a
snapshot, which has the samples that it has opened, and no file that merely lies in its folder.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass

from ..ask import data_check, http
from ..base.folder import Folder
from ..base.roots import Roots
from ..jobs import contents, destination
from ..jobs.container import JobError
from ..jobs.contents import OddError
from ..jobs.snapshot import Database
from ..records.job_record import Contents
from ..spec.model import Service


@dataclass(frozen=True)
class Storage:
    """One storage that runs on this computer."""

    database: Database
    roots: Roots

    @classmethod
    def of(cls, service: Service, path: str, roots: Roots, ask: data_check.Ask = http.get) -> Storage:
        """Return the storage that is ``service``, with its data in ``path``."""
        url, username = service.probe.url.rsplit("/", 1)[0], service.probe.username
        return cls(Database(service.name, url, username, http.password_of(service), path, ask), roots)

    def missing(self, held: Contents, kept_since: float) -> str:
        """Return "" where it has what a backup ``held``, else what it says instead.

        ``kept_since`` (ms since 1970): what is older it may have dropped.
        """
        try:
            now, reaches = self._has(held.newest)
        except (JobError, OddError, OSError) as error:
            return str(error)
        why = destination.objection(now, held, kept_since)
        if why or reaches:
            return why
        newest = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(held.newest / 1000))
        return f"it has opened nothing of {newest}, when its backup ends"

    def _has(self, moment: int) -> tuple[Contents, bool]:
        """Return what it has, and whether some of that is of the time around ``moment`` (ms since 1970)."""
        name = self.database.create()
        try:
            with Folder.at(self.roots.path(self.database.path)) as data:
                return contents.of_snapshot(data, name), contents.reaches(data, name, moment)
        finally:
            with suppress(JobError):  # it drops what is three days old
                self.database.drop(name)
