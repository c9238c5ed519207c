"""One change of a plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..base.files import DesiredFile
from ..spec.needs import Need


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


def line_diff(header: str, name: str, found: Any, wanted: Any) -> dict[str, str]:
    """Return a diff of one line; None: it is not there."""
    before, after = ("" if value is None else f"{name}: {value}\n" for value in (found, wanted))
    return {"before_header": header, "after_header": header, "before": before, "after": after}
