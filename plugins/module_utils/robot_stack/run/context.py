"""What one call of the module is made with."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Callable

from ..apply.apply import Applier, Tell, nobody
from ..ask import history
from ..base import lock
from ..base.roots import Roots
from ..engine.protocol import Engine
from ..engine.staging import Archive
from ..plan import observe
from ..plan.observe import Observed
from ..spec.model import Stack


@dataclass
class Call:
    """Everything that touches the machine can be replaced in a test."""

    stack: Stack
    roots: Roots
    engine: Engine
    archives: Mapping[str, Archive] = field(default_factory=dict)
    check: bool = False
    clock: Callable[[], float] = time.time
    applier: Any = None
    patience_seconds: float = lock.PATIENCE_SECONDS
    window: history.Window = field(default_factory=history.Window)
    audit: Tell = nobody  # each change, as it was done
    other: Engine | None = None  # of another kind, which the robot may have had before

    def hands(self, archives: Mapping[str, Archive]) -> Applier:
        """Return what carries out the steps of this call."""
        made: Applier = self.applier or Applier(self.stack, self.roots, self.engine, archives)
        made.audit, made.takeover.former = self.audit, self.other
        return made

    def observe(self, stack: Stack | None = None) -> Observed:
        """Look at the robot, with what ``stack`` declares in mind; raise `CommandError`."""
        return observe.observe(stack or self.stack, self.roots, self.engine, other=self.other)

    @property
    def reads_only(self) -> bool:
        """Whether this call must not change anything."""
        return self.check or self.stack.state in ("verified", "planned")
