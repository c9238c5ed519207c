"""A hub while it runs: every program of every host, sampled, asked for what it counts, and accounted for."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from benchmarks import rule, trial
from benchmarks.rule import Counters
from benchmarks.running import MIB, Program

from . import hosts, metrics
from .hosts import Secrets
from .places import Place
from .there import There

if TYPE_CHECKING:
    from docker import DockerClient

LOOK_SECONDS = 0.2
ROWS, OF_ROBOTS = "vm_rows_inserted_total", 'type="promremotewrite"'


@dataclass
class Part:
    """One program of the hub: on which host, what it had used before the load, and what was seen of it since."""

    host: str
    running: There
    before: Counters
    cpu_before: float
    after: Counters | None = None
    cpu: float | None = None  # seconds, of the load alone
    held_mib: float | None = None

    @property
    def name(self) -> str:
        """Its name in the role."""
        return self.running.program.name

    @property
    def called(self) -> str:
        """Its name for people, with its host's."""
        return f"{self.host}, {hosts.short(self.name)}"

    def judged(self, seconds: float) -> list[str]:
        """Return what speaks against it by the rule of the benchmarks, ``seconds`` after the load began."""
        limit, after = self.running.program.limit_mib, self.after or self.before
        return rule.of_container(self.called, self.before, after, seconds, limit * MIB if limit else None)

    def figures(self, samples: int) -> dict[str, Any]:
        """Return what is kept of it; what was not seen is missing."""
        found: dict[str, Any] = {
            "limit_mib": self.running.program.limit_mib,
            "peak_mib": round(self.running.peak, 1),
        }
        if self.held_mib is not None:
            found["held_mib"] = round(self.held_mib, 1)
        if self.cpu is not None:
            found["cpu_seconds_per_million"] = round(self.cpu / samples * 1e6, 2)
        if self.after is not None:
            found["major_faults"] = self.after.major_faults - self.before.major_faults
        return found


@dataclass
class Hub:
    """The programs of a hub at ``places``, by the names of its hosts: a context that leaves none of them behind."""

    engine: DockerClient
    places: Mapping[str, Place]
    secrets: Secrets
    parts: list[Part] = field(default_factory=list)
    _running: ExitStack = field(default_factory=ExitStack)
    _looked: float = 0.0

    def __enter__(self) -> Self:
        """Begin with nothing."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove what was started."""
        self._running.close()

    def start(self, programs: Iterable[tuple[str, Program]]) -> None:
        """Start ``programs``, each on its host, one after the other. Raises RuntimeError."""
        for host, program in programs:
            self._start(host, program)

    def open(self, doors: Sequence[tuple[str, Program]]) -> None:
        """Start the entry points, all of them at once, and sample meanwhile: the load begins. Raises RuntimeError."""
        with ThreadPoolExecutor(len(doors)) as pool:
            opening = [pool.submit(self._start, host, program, begins=True) for host, program in doors]
            while not all(door.done() for door in opening):
                self.look()
                time.sleep(LOOK_SECONDS)
            for door in opening:
                door.result()

    def _start(self, host: str, program: Program, begins: bool = False) -> None:
        """``begins``: the load begins with it, so that what it takes to start is the load's."""
        there = There(self.engine, program, place=self.places[host], headers=self.secrets.hub())
        running = self._running.enter_context(there)
        cpu = 0.0 if begins else running.cpu_seconds()
        self.parts.append(Part(host, running, running.counters(), cpu))

    def look(self) -> None:
        """Sample every working set, unless that was just done.

        Raises RuntimeError where a program has ended, or does nothing but read its text back.
        """
        now = time.monotonic()
        if now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        for part in list(self.parts):
            faults = part.running.counters().major_faults - part.before.major_faults
            if faults > trial.HOPELESS_WARM_UP_FAULTS:
                raise RuntimeError(f"{part.called}: {faults} major faults since the load began")

    def sample(self, seconds: float) -> None:
        """Sample for so long."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.look()
            time.sleep(LOOK_SECONDS)

    def of(self, *names: str) -> list[Part]:
        """Return the parts of these kinds, on whichever hosts they are."""
        return [part for part in self.parts if part.name in names]

    def pages(self, *names: str) -> list[str]:
        """Return the pages of metrics of these kinds of parts. Raises OSError."""
        return [part.running.ask("/metrics") for part in self.of(*names)]

    def rows(self) -> float:
        """Return how many samples were taken so far, each as often as it came; 0 where it is too busy to say."""
        try:
            return metrics.total(self.pages(hosts.DATABASE, hosts.INSERT), ROWS, OF_ROBOTS)
        except OSError:
            return 0.0

    def flush(self) -> None:
        """Have what is in the memory of those who store shown to whoever asks. Raises OSError."""
        for part in self.of(hosts.DATABASE, hosts.STORAGE):
            part.running.ask("/internal/force_flush")

    def loaded(self) -> None:
        """Note what the load has cost, now that it is over."""
        for part in self.parts:
            part.cpu = part.running.cpu_seconds() - part.cpu_before

    def held(self) -> None:
        """Note what is held now, and how often pages were read back."""
        for part in self.parts:
            part.held_mib = part.running.memory().working_set
            part.after = part.running.counters()

    def figures(self, samples: int) -> dict[str, dict[str, Any]]:
        """Return what is kept of each part, by its host."""
        found: dict[str, dict[str, Any]] = {}
        for part in self.parts:
            found.setdefault(part.host, {})[hosts.short(part.name)] = part.figures(samples)
        return found
