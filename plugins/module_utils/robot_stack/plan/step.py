"""One change of a plan."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..spec.needs import Need
from .actions import Action, BringImage, InstallPackages, PurgePackages, Reboot, WriteServiceFile

MOST_FILES = 100  # of one service, a line each; an answer has room for some hundred lines


@dataclass(frozen=True)
class Step:
    """One change: `action` is done to `subject`, `later` once all others are done and the robot was looked at again."""

    action: Action
    subject: str
    summary: str
    diff: dict[str, str] | None = None
    later: bool = False

    @property
    def need(self) -> Need | None:
        """What the controller must bring or do before it can be done."""
        action = self.action
        return action.need if isinstance(action, (BringImage, InstallPackages, PurgePackages, Reboot)) else None


def lines(steps: Sequence[Step]) -> list[str]:
    """Return what steps do, a line each; very many files of one service are one line."""
    files: dict[str, list[str]] = {}
    for step in steps:
        if isinstance(step.action, WriteServiceFile):
            files.setdefault(step.subject, []).append(step.action.file.path)
    many = {
        service: f"write {len(paths)} files below {posixpath.commonpath(list(map(posixpath.dirname, paths)))}"
        for service, paths in files.items()
        if len(paths) > MOST_FILES
    }
    told: list[str] = []
    for step in steps:
        written = isinstance(step.action, WriteServiceFile)
        line = many.get(step.subject, step.summary) if written else step.summary
        if line not in told or line not in many.values():
            told.append(line)
    return told


def line_diff(header: str, name: str, found: Any, wanted: Any) -> dict[str, str]:
    """Return a diff of one line; None: it is not there."""
    before, after = ("" if value is None else f"{name}: {value}\n" for value in (found, wanted))
    return {"before_header": header, "after_header": header, "before": before, "after": after}
