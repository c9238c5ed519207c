"""Which backup is restored: the one that is named, or the newest whole one; and what it holds.

Raises DestinationError, OddError or OSError where that cannot be restored.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..jobs import contents, destination
from ..jobs.destination import LATEST, Destination, DestinationError
from ..records.job_record import Contents, JobRecord
from ..spec.model import Job


@dataclass(frozen=True)
class Chosen:
    """The backup that is to be restored. Of one in a bucket nothing is known but its name."""

    place: str
    chain: str
    name: str
    bytes: int = 0
    contents: Contents = field(default_factory=Contents)

    @property
    def path(self) -> str:
        """Its path below the destination."""
        return f"{self.place}/{self.chain}/{self.name}"


def choose(where: Destination, wanted: str, record: JobRecord) -> Chosen:
    """Return the backup ``wanted`` ("": the newest whole one); of a bucket, the ``record`` is all that is known."""
    if where.job.folder:
        return _in_folder(where, *(_named(where, wanted) if wanted else _newest(where)))
    return Chosen(*_named(where, wanted or _remembered(where, record)))


def at_place(where: Destination, place: str) -> Destination:
    """Return the same destination for the backups of another ``place`` there."""
    job = where.job
    other = Job(job.kind, job.database, job.destination, place, free_mib=job.free_mib)
    return Destination(other, where.owner, where.roots)


def _named(where: Destination, wanted: str) -> tuple[str, str, str]:
    place, chain, name = destination.named(wanted, where.job.place)
    why = destination.stranger(place, where.job.place)
    if why:
        raise DestinationError(f"{place}/{chain}/{name} {why}")
    return place, chain, name


def _remembered(where: Destination, record: JobRecord) -> str:
    if record.base != where.base or not record.complete:
        raise DestinationError(
            f"nothing here tells which backup is the newest in a bucket: name it with -e restore_backup=CHAIN/{LATEST}"
        )
    return f"{record.chain}/{record.complete}"


def _newest(where: Destination) -> tuple[str, str, str]:
    """Return the newest backup of which everything can be read; what is odd is passed over."""
    found, odd = [], []
    for chain in where.chains():  # not always the youngest one: a chain that was restored from goes on beside it
        for name in where.all_whole(chain):
            try:
                found.append((where.holds(chain, name).newest, chain, name))
                break
            except (contents.OddError, OSError) as error:
                odd.append(f"{chain}/{name} ({error})")
    if not found:
        told = f"; passed over: {', '.join(odd)}" if odd else ""
        raise DestinationError(f"{where.base} holds no backup that is whole{told}")
    _, chain, name = max(found)
    return where.job.place, chain, name


def _in_folder(where: Destination, place: str, chain: str, name: str) -> Chosen:
    """Return a backup that is whole: it came to its end, no file of it is missing, and it holds samples."""
    try:
        backup = at_place(where, place).open(chain, name)
    except FileNotFoundError:
        raise DestinationError(f"there is no backup {place}/{chain}/{name}") from None
    with backup:
        if not contents.is_complete(backup):
            raise DestinationError(f"{place}/{chain}/{name} is not whole: whoever wrote it was cut off")
        size, holds = contents.size(backup), contents.of_backup(backup)
    if not holds.rows:
        raise DestinationError(f"{place}/{chain}/{name} holds no samples")
    return Chosen(place, chain, name, size, holds)
