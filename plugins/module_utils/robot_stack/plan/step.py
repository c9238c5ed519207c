"""One change of a plan."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..base.files import DesiredFile
from ..spec.needs import Need

MOST_FILES = 100  # of one service, a line each; an answer has room for some hundred lines


@dataclass(frozen=True)
class Step:
    """One change. `kind` says how `apply` does it, `subject` to what; `need` what the controller must bring."""

    kind: str
    subject: str
    summary: str
    diff: dict[str, str] | None = None
    file: DesiredFile | None = None
    request: Mapping[str, Any] = field(default_factory=dict)
    need: Need | None = None


def lines(steps: Sequence[Step]) -> list[str]:
    """Return what steps do, a line each; very many files of one service are one line."""
    files: dict[str, list[str]] = {}
    for step in steps:
        if step.kind == "file" and step.file:
            files.setdefault(step.subject, []).append(step.file.path)
    many = {
        service: f"write {len(paths)} files below {posixpath.commonpath(list(map(posixpath.dirname, paths)))}"
        for service, paths in files.items()
        if len(paths) > MOST_FILES
    }
    told: list[str] = []
    for step in steps:
        line = many.get(step.subject, step.summary) if step.kind == "file" else step.summary
        if line not in told or line not in many.values():
            told.append(line)
    return told


def line_diff(header: str, name: str, found: Any, wanted: Any) -> dict[str, str]:
    """Return a diff of one line; None: it is not there."""
    before, after = ("" if value is None else f"{name}: {value}\n" for value in (found, wanted))
    return {"before_header": header, "after_header": header, "before": before, "after": after}
