"""Does the steps of a plan. A container that does not become healthy is put back as it was, data untouched."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Callable

from . import container, engine_setup, files, image, observe, probe, state, systemd
from .engine_api import Engine, EngineError
from .plan import Step
from .robot import Roots
from .spec import Service, Stack

LOG_LINES = 20


class ServiceFailedError(RuntimeError):
    """A service did not become healthy; the message names it, the reason, its last log lines and what was done."""


@dataclass(frozen=True)
class Archive:
    """An image archive that the controller has laid on the robot's disk."""

    path: str
    digest: str


@dataclass
class Applier:
    """Everything that the steps need; ``archives`` are by image reference."""

    stack: Stack
    roots: Roots
    engine: Engine
    archives: Mapping[str, Archive]
    run: systemd.Run = systemd.run
    clock: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        """Bind each kind of step to its method."""
        self._handlers: dict[str, Callable[[Step], None]] = {
            "boot-line": self._write,
            "slice": self._slice,
            "engine-file": self._write,
            "engine-restart": self._engine_restart,
            "image": self._image,
            "data": self._data,
            "file": self._write,
            "container": self._container,
            "orphan": self._orphan,
            "stop": self._stop,
            "drop-image": lambda step: self.engine.remove_image(step.subject),
            "drop-directory": self._drop_directory,
            "drop-file": lambda step: self.roots.path(step.subject).unlink(),
            "drop-slice": self._drop_slice,
            "engine-leave": self._engine_leave,
        }

    def apply(self, steps: list[Step]) -> None:
        """Do ``steps`` in their order; one whose needs the controller has not met is left for the next call."""
        for step in steps:
            if not self.lacks(step):
                self._handlers[step.kind](step)

    def lacks(self, step: Step) -> bool:
        """Whether the controller must do or bring something before ``step`` can be done."""
        return bool(step.needs) and step.needs.get("reference") not in self.archives

    @property
    def _root(self) -> Path:
        return self.roots.path(self.stack.budget.root)

    def remember(self, change: Callable[[state.State], state.State]) -> None:
        """Change the robot's state file."""
        before = state.load(self._root)
        after = change(before)
        if after != before:
            state.save(after, self._root)

    def _write(self, step: Step) -> None:
        if step.file is None:
            raise ValueError(f"step '{step.summary}' has no file")
        if step.kind == "file":
            self._private_parent(step.subject)
        if step.kind == "engine-file":  # said before the engine is there: an interrupted run must know whose it is
            self.remember(lambda s: replace(s, engine_packages=list(self.stack.engine.packages)))
        files.write(step.file, self.roots.filesystem)

    def _private_parent(self, service: str) -> None:
        """Only root may list the versions of a service's files: their names are digests of what they hold."""
        parent = self.roots.path(f"{self.stack.budget.root}/{service}/config")
        parent.mkdir(parents=True, exist_ok=True)
        parent.chmod(0o700)

    def _slice(self, step: Step) -> None:
        if step.file is None:
            raise ValueError(f"step '{step.summary}' has no unit")
        files.write(step.file, self.roots.filesystem)
        self.run(["systemctl", "daemon-reload"])
        self.run(["systemctl", "enable", "--quiet", "--now", step.subject])
        limit = next((x[10:] for x in step.file.content.splitlines() if x.startswith("MemoryMax=")), "infinity")
        # a unit that runs already keeps its old limit until it is told
        self.run(["systemctl", "set-property", "--runtime", step.subject, f"MemoryMax={limit}"])

    def _engine_restart(self, _step: Step) -> None:
        self.run(["systemctl", "daemon-reload"])
        for unit in engine_setup.UNITS:
            self.run(["systemctl", "restart", unit])
        self.remember(lambda s: replace(s, engine_configuration=engine_setup.configuration(self.stack)))

    def _image(self, step: Step) -> None:
        reference, wanted = step.request["reference"], step.request["fingerprint"]
        archive = self.archives[reference]
        path = self.roots.path(archive.path)
        if image.file_digest(path) != archive.digest:
            path.unlink()
            raise EngineError(0, f"the archive of {reference} was damaged on its way; run again to send it anew")
        self.engine.load(path)
        found = observe.found_image(self.engine, reference)
        if found is None or found.fingerprint != wanted:
            raise EngineError(0, f"after loading, {reference} is not the image that the controller sent")
        path.unlink()
        self.remember(lambda s: replace(s, images=sorted({*s.images, reference})))

    def _data(self, step: Step) -> None:
        uid, gid = self._service(step).uid_gid
        path = self.roots.path(step.request["path"])
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o750)
        os.chown(path, uid, gid)

    def _service(self, step: Step) -> Service:
        service = self.stack.service(step.subject)
        if service is None:
            raise ValueError(f"service '{step.subject}' is not declared")
        return service

    def _container(self, step: Step) -> None:
        service, name = self._service(step), container.name_of(step.subject)
        previous = name + container.PREVIOUS
        if self.engine.inspect(name) is not None:
            # one that was left by an interrupted run is older than the one that runs
            self.engine.remove(previous)
            self.engine.stop(name, service.stop_timeout_seconds)
            self.engine.rename(name, previous)
        try:
            self.engine.create(name, step.request)
            self.engine.start(name)
            reason = probe.wait_until_healthy(service, lambda: self._ended(name))
        except EngineError as error:
            reason = str(error)
        if reason:
            self._put_back(service, reason)
        self.engine.remove(previous)
        self._forget_old_files(service)
        self._remember_container(service)

    def _ended(self, name: str) -> str:
        inspected = self.engine.inspect(name)
        now = (inspected or {}).get("State") or {}
        if now.get("Restarting") or not now.get("Running") or (inspected or {}).get("RestartCount"):
            why = "killed for lack of memory" if now.get("OOMKilled") else f"exit code {now.get('ExitCode')}"
            return f"its container ended ({why})"
        return ""

    def _put_back(self, service: Service, reason: str) -> None:
        name = container.name_of(service.name)
        previous = name + container.PREVIOUS
        logs = self._last_words(name)
        self.engine.remove(name)
        done = "nothing was running before, nothing is left running"
        if self.engine.inspect(previous) is not None:
            self.engine.rename(previous, name)
            self.engine.start(name)
            done = "the last good container was put back"
        told = f"\nits last log lines:\n{logs}" if logs else ""
        raise ServiceFailedError(f"{service.name}: {reason}; {done}{told}")

    def _last_words(self, name: str) -> str:
        """Return what a container said last; logs that cannot be read must not keep the good one from coming back."""
        try:
            return self.engine.logs(name, LOG_LINES) if self.engine.inspect(name) else ""
        except EngineError as error:
            return f"(its log cannot be read: {error})"

    def _forget_old_files(self, service: Service) -> None:
        current = self.roots.path(container.config_directory(self.stack, service))
        versions = current.parent.iterdir() if current.parent.is_dir() else ()
        for version in list(versions):
            if version != current:
                shutil.rmtree(version)

    def _remember_container(self, service: Service) -> None:
        inspected = self.engine.inspect(container.name_of(service.name)) or {}
        memory = state.ServiceMemory(container=str(inspected.get("Id", "")), deployed_at=self.clock())
        self.remember(lambda s: s.with_service(service.name, memory))

    def _orphan(self, step: Step) -> None:
        self.engine.remove(step.subject)

    def _stop(self, step: Step) -> None:
        inspected = self.engine.inspect(step.subject) or {}
        seconds = int((inspected.get("Config") or {}).get("StopTimeout") or 10)
        self.engine.stop(step.subject, seconds)
        self.engine.remove(step.subject)
        service = ((inspected.get("Config") or {}).get("Labels") or {}).get(container.SERVICE_LABEL, "")
        self.remember(lambda s: s.without_service(service))

    def _drop_directory(self, step: Step) -> None:
        directory = self.roots.path(step.subject)
        if not directory.is_mount():
            shutil.rmtree(directory)
            return
        for entry in directory.iterdir():  # a disk of its own: it is emptied, and stays mounted
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()

    def _drop_slice(self, step: Step) -> None:
        self.run(["systemctl", "disable", "--quiet", "--now", step.subject])
        self.roots.path(f"{systemd.UNITS}/{step.subject}").unlink()
        self.run(["systemctl", "revert", step.subject])  # drops the limit that was set at run time
        self.run(["systemctl", "daemon-reload"])

    def _engine_leave(self, _step: Step) -> None:
        self.run(["systemctl", "daemon-reload"])
        for unit in engine_setup.UNITS:
            self.run(["systemctl", "restart", unit])
        self.remember(lambda s: replace(s, engine_configuration=""))
