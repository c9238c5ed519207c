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
