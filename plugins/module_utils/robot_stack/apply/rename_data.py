"""A folder that a service names after its settings outlives a change of those: the new settings take it over.

vmagent names the folder of a queue after the URL that it sends to and that URL's position. What waits in it belongs to
the robot, and shall not lie there for ever because the hub got another address, or a second host.
"""

from __future__ import annotations

import fnmatch
import glob
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..base.folder import Folder
from ..base.roots import Roots
from ..spec import layout
from ..spec.model import Adoption, Service, Stack


@dataclass(frozen=True)
class Move:
    """A folder that got another name: from ``before`` to ``after``, both paths below the data in ``directory``.

    All that is below the data is the container's to exchange: root goes down there without following a link.
    """

    directory: Path
    before: PurePosixPath
    after: PurePosixPath


def take(stack: Stack, service: Service, roots: Roots) -> list[Move]:
    """Give what the service's former settings left the name that its present ones look for; return what was done.

    No service may run meanwhile. Where both are there nothing is touched: two backlogs cannot be one.
    """
    done = []
    for data in service.data:
        directory = roots.path(layout.data_path(stack, service, data.name))
        for move in _moves(directory, data.adopts):
            _rename(directory, move.before, move.after)
            done.append(move)
    return done


def _moves(directory: Path, adopts: Sequence[Adoption]) -> Iterator[Move]:
    """Yield what is to be renamed, one after the other: each is looked for when those before have been.

    What has only changed its place comes before everything else: another one does not take it.
    """
    kept = {one.folder for one in adopts}
    missing = [one for one in adopts if not _there(directory, PurePosixPath(one.folder))]
    for pattern_of in (_elsewhere, _before):
        for one in list(missing):
            latest = _latest(directory, pattern_of(one), kept)
            if latest:
                missing.remove(one)
                yield Move(directory, latest, PurePosixPath(one.folder))


def _elsewhere(adoption: Adoption) -> PurePosixPath:
    """Return a pattern of the folder itself with another number before it; of one without a number, its own name."""
    folder = PurePosixPath(adoption.folder)
    number, _, rest = folder.name.partition("_")
    return folder.with_name(f"*_{glob.escape(rest)}" if number.isdigit() and rest else glob.escape(folder.name))


def _before(adoption: Adoption) -> PurePosixPath:
    return PurePosixPath(adoption.left_by)


def give_back(moves: list[Move]) -> None:
    """Undo `take`: the container that ran before runs again."""
    for move in reversed(moves):
        if _there(move.directory, move.after) and not _there(move.directory, move.before):
            _rename(move.directory, move.after, move.before)


def _there(directory: Path, path: PurePosixPath) -> bool:
    with suppress(OSError), Folder.at(directory) as data, data.down(*path.parts[:-1]) as folder:
        return folder.status(path.name) is not None
    return False


def _latest(directory: Path, pattern: PurePosixPath, kept: Collection[str]) -> PurePosixPath | None:
    """Return the folder that fits and was changed last; those that are ``kept`` have their name already."""
    found = []
    with suppress(OSError), Folder.at(directory) as data, data.down(*pattern.parts[:-1]) as folder:
        for name in fnmatch.filter(folder.names(), pattern.name):
            status = folder.status(name)
            if status and folder.holds_folder(name) and str(pattern.parent / name) not in kept:
                found.append((status.st_mtime, name))
    return pattern.parent / max(found)[1] if found else None


def _rename(directory: Path, before: PurePosixPath, after: PurePosixPath) -> None:
    sources, targets = before.parts[:-1], after.parts[:-1]
    with Folder.at(directory) as data, data.down(*sources) as source, data.down(*targets) as target:
        source.move(before.name, target, after.name)
