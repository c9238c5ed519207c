"""What is done with a container that is a unit: its file is laid, moved and removed, and systemd is told.

What runs, or is to run at the next boot, has its file in Quadlet's folder. Whatever is cut off in between is a
container that does not run, or one that runs and is found: never two of one service.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...base.roots import Roots
from ...host import systemd, units
from ...host.systemd import CommandError
from ..protocol import PREFIX, EngineError
from . import files, lives, quadlet, status
from .driver import PODMAN_DRIVER
from .files import Place, service_unit
from .programs import Programs, as_error

RUN = "/run"
SECONDS = 120.0
LONGEST_WORDS = 600


@dataclass(frozen=True)
class Hands:
    """Changes units. Every method raises `EngineError`."""

    roots: Roots
    programs: Programs

    @property
    def _run(self) -> Path:
        return self.roots.path(RUN)

    def told(self, name: str) -> status.Told:
        """Return what systemd says of the container's unit."""
        words = ("show", "--no-pager", "--timestamp=unix", f"--property={status.PROPERTIES}", "--", service_unit(name))
        return status.parse(self.programs.systemctl(*words))

    def create(self, name: str, request: Mapping[str, Any], image: str) -> None:
        """Write the unit of a container that shall not run yet; what others had added to its name goes."""
        taken = files.find(name, self.roots)
        usurper = files.usurper(name, self.roots)
        if taken or usurper:
            raise EngineError(409, f"{taken.path if taken else usurper} is there already")
        content = quadlet.text_of(name[len(PREFIX) :], request, image, secrets.token_hex(32), round(time.time(), 3))
        with as_error():
            lives.forget(self._run, name)
            files.drop_changes(name, self.roots)
            files.lay(name, content, self.roots)

    def start(self, name: str) -> None:
        """Start a container, whoever has masked its unit; one that runs already is left alone."""
        place, unit = self._own(name), service_unit(name)
        with as_error():
            masked = bool(files.masks(name, self.roots))
            if masked:
                systemd.unmask(lambda argv: self.programs.systemctl(*argv[1:]), unit)
            if not place.active:
                files.move(place, name, True, self.roots)
        told = self.told(name)
        if masked or not place.active or told.stale or told.load != "loaded":
            self.programs.systemctl("daemon-reload")
            told = self.told(name)
        if told.load != "loaded":
            raise EngineError(500, f"systemd has no {unit}: {self._why_none()}")
        if told.active == "active":
            return
        with suppress(EngineError):  # it has not failed
            self.forgive(name)
        with as_error():
            lives.count_anew(self._run, name)
        try:
            # whoever looks at everything else, too, does not wait for one
            self.programs.systemctl(*(["--no-block"] if self.programs.looks_only else []), "start", unit)
        except EngineError as error:
            raise EngineError(500, self._why(unit, error)) from error

    def _why(self, unit: str, error: EngineError) -> str:
        """Return why a unit could not be started, in Podman's own words where it has any."""
        # what Podman says bears its own name, or, from a later version on, that of its unit
        names = (*PODMAN_DRIVER.programs, unit.rpartition(".")[0])
        said = units.last_words(unit, names, self.programs.run)
        return "; ".join([*said, str(error).partition("\n")[0]])[:LONGEST_WORDS]

    def _why_none(self) -> str:
        """Return why Quadlet makes no unit of ours, in its own words."""
        generator = self.programs.generator
        if not generator:
            return "the generator that makes it of a file is gone"
        try:
            (self.programs.run or systemd.run)([str(self.roots.path(generator)), "--dryrun"])
        except (CommandError, OSError) as error:
            return str(error)[-LONGEST_WORDS:]
        return "Quadlet made none of its file"

    def forgive(self, name: str) -> None:
        """Have systemd begin anew to count how often a unit ended, by which it waits before it starts it again."""
        self.programs.systemctl("reset-failed", service_unit(name))

    def thaw_unit(self, name: str) -> None:
        """Let a unit run on that systemd has frozen."""
        if files.find(name, self.roots):
            with suppress(EngineError):  # not by systemd
                self.programs.systemctl("thaw", service_unit(name))

    def thaw_payload(self, name: str) -> None:
        """Let what runs in a container run on that its runtime has frozen, as the kernel does it for the runtime."""
        if files.find(name, self.roots):
            with as_error():
                status.thaw(self.told(name).cgroup, self.roots)

    def stop(self, name: str) -> None:
        """Stop a container, and have no boot start it."""
        place = self._own(name)
        if place.active:
            self._end(name)
            with as_error():
                files.move(place, name, False, self.roots)
            self.programs.systemctl("daemon-reload")

    def _end(self, name: str) -> None:
        """Have systemd stop a unit. One that it has not loaded and that does not run it refuses to stop: it is."""
        told = self.told(name)
        if told.load in ("loaded", "masked") or told.active not in status.AT_REST:
            self.programs.systemctl("stop", service_unit(name))

    def rename(self, name: str, new_name: str) -> None:
        """Set a container aside, or let it have its name back; what is in its unit stays as it is."""
        taken = files.find(new_name, self.roots)
        if taken:
            raise EngineError(409, f"{taken.path} is there already")
        self.stop(name)
        with as_error():
            files.move(self._own(name), new_name, False, self.roots)
            lives.rename(self._run, name, new_name)

    def remove(self, name: str) -> None:
        """Remove a container, running or not; one that is gone already is no error."""
        place = files.find(name, self.roots)
        if place is None:
            return
        self._own(name)
        if place.active:
            self._end(name)
        with as_error():
            files.drop_changes(name, self.roots)
            self.roots.path(place.path).unlink(missing_ok=True)
            lives.forget(self._run, name)
            files.tidy(self.roots)
        if place.active:
            self.programs.systemctl("daemon-reload")
            with suppress(EngineError):  # it has not failed
                self.forgive(name)

    def _own(self, name: str) -> Place:
        place = files.find(name, self.roots)
        if place is None:
            raise EngineError(404, f"no such container: {name}")
        if place.unit is None:
            raise EngineError(409, f"{place.path} is not this project's")
        return place
