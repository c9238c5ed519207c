"""One run of a job's container, from its creation to its end. Whatever happens, it is removed afterwards."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Callable

from ..base.roots import Roots
from ..base.units import mib_of
from ..engine.protocol import Engine, EngineError, FoundContainer, name_of
from ..host import cgroup

INTERVAL_SECONDS = 0.5
SILENT_SECONDS = 120.0  # an engine that is being restarted says nothing for a while
STOP_SECONDS = 20
LAST_LINES, LONGEST_WORDS = 40, 300
UPLOADED = re.compile(r"uploaded ([0-9]{1,18}) bytes")


class JobError(RuntimeError):
    """A job did not do its work; the message says what was in its way."""


@dataclass
class Worker:
    """Runs the containers of job ``name``, each made from ``request`` with more words on its command line."""

    name: str
    request: Mapping[str, Any]
    engine: Engine
    roots: Roots
    pause: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def run(self, *flags: str) -> str:
        """Run it to its end and return its last lines; raise `JobError` where it fails."""
        name = name_of(self.name)
        self.remove()
        try:
            self.engine.create(name, self.engine.driver.with_words(self.request, flags))
            self.engine.start(name)
            self._limited()
            ended = self._ended(name)
            said = self.engine.logs(name, LAST_LINES)
        except EngineError as error:
            raise JobError(f"{name}: {error}") from error
        finally:
            with suppress(EngineError):  # the next run does it
                self.remove()
        if ended.exit_code:
            raise JobError(why(ended, said))
        return said

    def remove(self) -> None:
        """Remove the container, which is given some seconds to end."""
        name = name_of(self.name)
        found = self.engine.inspect(name)
        if found is None:
            return
        if found.running:
            with suppress(EngineError):  # what cannot be stopped is killed
                self.engine.stop(name, STOP_SECONDS)
        self.engine.remove(name)

    def _limited(self) -> None:
        """A limit that the kernel does not have is no limit."""
        found, wanted = self.engine.inspect(name_of(self.name)), self.engine.driver.memory_of(self.request)
        hierarchy = cgroup.detect(self.roots.sys)
        path = cgroup.path_of(found.pid, self.roots.proc, hierarchy) if found and found.pid else None
        limits = cgroup.limits(hierarchy, path) if path else None
        if limits is not None and path and self.name in path and limits.memory != wanted:
            shown = "none" if limits.memory is None else f"{mib_of(limits.memory)} MiB"
            raise JobError(f"the kernel's limit for its container is {shown}, declared are {mib_of(wanted)} MiB")

    def _ended(self, name: str) -> FoundContainer:
        silent_since = None
        while True:
            try:
                found, silent_since = self.engine.inspect(name), None
            except EngineError:
                silent_since = self.clock() if silent_since is None else silent_since
                if self.clock() - silent_since > SILENT_SECONDS:
                    raise
                self.pause(INTERVAL_SECONDS)
                continue
            if found is None:
                raise JobError("its container was removed while it worked")
            if not found.running and found.status != "created":
                return found
            self.pause(INTERVAL_SECONDS)


def why(ended: FoundContainer, said: str) -> str:
    """Return why a container failed, by what the engine knows of its end and what it said last."""
    lines = [line for line in said.splitlines() if line.strip()]
    failed = [line for line in lines if re.search(r"\t(error|fatal|panic)\t", line)]
    last = (failed or lines or [""])[-1].split("\t")[-1]
    words = "".join(letter if letter.isprintable() else " " for letter in last).strip()[:LONGEST_WORDS]
    killed = " (the kernel killed it: its memory limit is too low)" if ended.oom_killed else ""
    return f"its container ended with exit code {ended.exit_code}{killed}: {words}"


def uploaded(said: str) -> int:
    """Return how many bytes a backup says that it had to send."""
    found: Sequence[str] = UPLOADED.findall(said)
    return int(found[-1]) if found else 0
