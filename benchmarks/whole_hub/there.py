"""A program while it runs on one of those computers."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from docker.types import Mount

from benchmarks import cold
from benchmarks.running import LABEL, Running

from . import places
from .tidy import FOLDER, OURS

READY_SECONDS = 1.0  # for an answer, until it is asked again


@dataclass(kw_only=True)
class There(Running):
    """A program while it runs on such a computer, which pays for its own program text."""

    place: places.Place
    headers: dict[str, str] = field(default_factory=dict)  # with which it answers
    shares_text: bool = False  # of its image's other containers: nobody asks what it takes
    work: ClassVar[Path] = FOLDER

    def ask(self, path: str, timeout: float = 30.0) -> str:
        """Return a page of it. Raises OSError where it is none."""
        return places.ask(self.place, self.program.address, path, self.headers, timeout)

    def _text(self) -> list[Mount]:
        if self.shares_text:
            return []
        program = self.folder / "program"
        inside = cold.own_text(self.engine, self.program.spec["image"]["reference"], program)
        return [Mount(inside, str(program), type="bind", read_only=True)]

    def _beside(self) -> dict[str, Any]:
        labels = {LABEL: self.program.name, **OURS}
        return {"network_mode": f"container:{self.place.container.id}", "labels": labels}

    def _serves(self) -> bool:
        # Who is asked by a whole fleet as soon as it listens is sampled from then on.
        self._find()
        if self.path:
            self.counters()
        self.ask(self.program.ready, READY_SECONDS)
        return True
