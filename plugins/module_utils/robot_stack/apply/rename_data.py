"""A folder that a service names after its settings outlives a change of those: the new settings take it over.

vmagent names the folder of a queue after the URL that it sends to. What waits in it belongs to the robot, and shall not
lie there for ever because the hub got another address.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..base.roots import Roots
from ..spec import layout
from ..spec.model import Service, Stack


@dataclass(frozen=True)
class Move:
    """A folder that got another name."""

    before: Path
    after: Path


def take(stack: Stack, service: Service, roots: Roots) -> list[Move]:
    """Give what the service's former settings left the name that its present ones look for; return what was done.

    No service may run meanwhile. Where both are there nothing is touched: two backlogs cannot be one.
    """
    done = []
    for data in service.data:
        directory = roots.path(layout.data_path(stack, service, data.name))
        wanted = directory / data.adopts
        if not data.adopts or wanted.exists():
            continue
        found = [path for path in directory.glob(data.adopts_from) if path.is_dir()]
        if found:
            latest = max(found, key=lambda path: path.stat().st_mtime)
            latest.rename(wanted)
            done.append(Move(latest, wanted))
    return done


def give_back(moves: list[Move]) -> None:
    """Undo `take`: the container that ran before runs again."""
    for move in moves:
        if move.after.exists() and not move.before.exists():
            move.after.rename(move.before)
