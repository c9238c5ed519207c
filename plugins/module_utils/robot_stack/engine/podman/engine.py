"""Podman, asked through systemd, the kernel and its own programs; see `protocol.Engine`.

A container is a unit (`files`, `hands`). Between two starts of it Podman knows nothing of it: what is to be known then
is in its unit, in what it noted of its lives, and in what systemd says. No service of Podman's listens anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...base.roots import Roots
from ...host import cgroup
from ...host.systemd import Run
from ..fields import part, text
from ..protocol import PAUSED, PREFIX, SERVICE_LABEL, Driver, EngineError, EngineInfo, Event, FoundContainer, FoundImage
from . import files, found, hands, images, lives, quadlet, status
from .driver import PODMAN_DRIVER
from .files import Place, service_unit
from .hands import Hands
from .programs import Programs
from .store import Store

LOGGED_AT_ONCE = 64 * 1024  # what people are shown of a container's last lines


class PodmanEngine:
    """One robot's Podman; see `protocol.Engine`. Every method raises `EngineError`.

    ``looks_only``: nothing of Podman's is started, so that images and other people's containers are not told of.
    """

    def __init__(
        self, roots: Roots | None = None, parent: str = "", looks_only: bool = False, run: Run | None = None
    ) -> None:
        """``parent`` is the slice below which Podman's programs run; nothing is asked before the first call."""
        self._roots = roots or Roots()
        self._programs = Programs(self._roots, parent, looks_only, run)
        self._store = Store(self._programs)
        self._hands = Hands(self._roots, self._programs)
        self._info: EngineInfo | None = None

    @property
    def driver(self) -> Driver:
        """What is known of Podman."""
        return PODMAN_DRIVER

    @property
    def _run_folder(self) -> Path:
        return self._roots.path(hands.RUN)

    def reachable(self) -> bool:
        """Whether it works; whoever looks only is content with its being there."""
        if not PODMAN_DRIVER.installed(self._roots):
            return False
        try:
            return self._programs.looks_only or bool(self.info())
        except EngineError:
            return False

    def info(self) -> EngineInfo:
        """Return what Podman says of itself; it is asked once."""
        if self._info is None:
            raw = images.parsed(self._programs.ask("info", "--format=json"), "podman info")
            if not isinstance(raw, Mapping):
                raise EngineError(0, "podman info answered with something else than an object")
            self._info = found.info(raw, cgroup.swap_accounted(cgroup.detect(self._roots.sys)))
        return self._info

    def containers(self) -> list[FoundContainer]:
        """Return all containers, with no more than id, name and service: units, and what else Podman has."""
        ours = [_named(place) for place in files.ours(self._roots)]
        others = [FoundContainer("", name) for name in files.others(self._roots)]
        # Quadlet calls a container after its file unless that says otherwise
        known = {one.name for one in (*ours, *others)} | {f"systemd-{one.name}" for one in others}
        return [*ours, *others, *(one for one in self._store.containers() if one.name not in known)]

    def owned(self) -> list[FoundContainer]:
        """Return the containers whose units are ours, for which no program of Podman's is needed."""
        return [self._of_unit(place, place.unit) for place in files.ours(self._roots) if place.unit]

    def inspect(self, name: str) -> FoundContainer | None:
        """Return the container of this name or id, None where there is none."""
        place = self._place(name)
        loose = None if place else self._without_unit(name)
        called = place.name if place else loose.name if loose else name
        theirs = files.usurper(called, self._roots) if called.startswith(PREFIX) else ""
        if place and place.unit is None:
            theirs = theirs or place.path
        if theirs:
            words = f"{theirs} is not this project's: move it away, or give it another name"
            return FoundContainer(place.path if place else theirs, called, status=status.EXITED, objection=words)
        return self._of_unit(place, place.unit) if place and place.unit else loose

    def _of_unit(self, place: Place, unit: quadlet.Unit) -> FoundContainer:
        known = lives.load(self._run_folder, place.name)
        if not place.active:
            return found.resting(place, unit, known)
        told = self._hands.told(place.name)
        container = found.active(place, unit, known, told, status.payload_of(told.cgroup, self._roots))
        masked = told.masked or files.masks(place.name, self._roots)
        return replace(
            container,
            spec=quadlet.CHANGED if files.changes(place.name, self._roots) else container.spec,
            lost_at_boot=f"{service_unit(place.name)} is masked" if masked else "",
        )

    def _place(self, name: str) -> Place | None:
        here = files.find(name, self._roots)
        if here or name.startswith(PREFIX):
            return here
        return next((one for one in files.ours(self._roots) if one.unit and one.unit.id == name), None)

    def _without_unit(self, name: str) -> FoundContainer | None:
        return next((one for one in self._store.containers() if name in (one.name, one.id)), None)

    def image(self, reference: str) -> FoundImage | None:
        """Return the image of this reference or id, None where there is none."""
        return self._store.image(reference)

    def image_id(self, reference: str) -> str:
        """Return the id of the image of this reference or id, of a damaged one as well, "" where there is none."""
        raw = self._store.bearer(reference, self.info().store)
        return images.identity(raw) if raw else ""

    def image_ids(self) -> list[str]:
        """Return the ids of all images, with and without names."""
        return [images.identity(raw) for raw in self._store.all()]

    def image_names(self) -> list[str]:
        """Return the names of all images."""
        return [name for raw in self._store.all() for name in images.names(raw)]

    def kept_images(self) -> list[str]:
        """Return the ids of the images that bear a name by which this project keeps them."""
        return [images.identity(raw) for raw in self._store.all() if images.is_kept(raw)]

    def volumes(self) -> list[str]:
        """Return the names of all volumes."""
        return self._store.volumes()

    def external(self) -> list[str]:
        """Return the names of containers of other programs in its storage."""
        return self._store.external()

    def events(self, container: str, since: float, until: float) -> tuple[Event, ...]:
        """Return what a container's unit noted between two times."""
        place = self._place(container)
        known = lives.load(self._run_folder, place.name) if place else lives.Lives()
        return tuple(event for event in known.events if since <= event.time <= until)

    def logs(self, name: str, lines: int, since: float = 0.0, until: float = 0.0) -> str:
        """Return the last lines that a container printed, from the journal; of one before it nothing is told."""
        place = self._place(name)
        since = max(since, place.unit.made if place and place.unit else 0.0)
        asked = [f"--lines={lines}", f"_SYSTEMD_UNIT={service_unit(name)}", f"CONTAINER_NAME={name}"]
        asked += [f"--since=@{since:.6f}"] if since > 0 else []
        asked += [f"--until=@{until:.6f}"] if until > 0 else []
        return self._programs.journal(*asked)[-LOGGED_AT_ONCE:].strip()

    def create(self, name: str, body: Mapping[str, Any]) -> None:
        """Write the unit of a container, which is not started at boot before it was started once."""
        image = self.image(str(body["Image"]))
        if image is None:
            raise EngineError(404, f"no such image: {body['Image']}")
        self._hands.create(name, body, image.id)

    def start(self, name: str) -> None:
        """Start a container; one that runs already is left alone. It is started at each boot from now on."""
        if self._has_unit(name):
            self._hands.start(name)
        else:
            self._programs.ask("start", name)

    def resume(self, name: str) -> None:
        """Let a container that somebody has paused run on. Podman itself is asked only where it takes it for paused."""
        self._hands.thaw_unit(name)
        self._unpause(name)
        self._hands.thaw_payload(name)

    def start_promptly(self, name: str) -> None:
        """Have systemd forget how often it has started what runs: by itself it never does."""
        self._hands.forgive(name)

    def _unpause(self, name: str) -> None:
        """Have Podman know that a container runs: what it takes for paused it kills at once instead of stopping it.

        It remembers what it was told itself, and not what the kernel was told since.
        """
        place = files.find(name, self._roots)
        if place and not place.active:
            return
        if not self._programs.there:  # and systemd alone will stop it, which has to run for that
            self._hands.thaw_payload(name)
            return
        self._store.forget()
        if any(one.name == name and one.status == PAUSED for one in self._store.containers()):
            with suppress(EngineError):  # a runtime may refuse what runs already
                self._programs.ask("unpause", name)
            self._store.forget()

    def stop(self, name: str, timeout_seconds: int) -> None:
        """Stop a container, which gets the time to flush that it was made with; it is started at no boot then."""
        if self._has_unit(name):
            self._unpause(name)
            self._hands.stop(name)
        else:
            self._programs.ask("stop", f"--time={timeout_seconds}", name, seconds=hands.SECONDS + timeout_seconds)

    def rename(self, name: str, new_name: str) -> None:
        """Rename a container that does not run."""
        if self._has_unit(name):
            self._hands.rename(name, new_name)
        else:
            self._programs.ask("rename", name, new_name)

    def remove(self, name: str) -> None:
        """Remove a container, running or not; one that is gone already is no error."""
        self._unpause(name)
        self._store.forget()
        self._hands.remove(name)
        if self._programs.there and not self._programs.looks_only:
            # left by hand, by a unit that lost its own, or by a `podman run` that was killed: that one no list shows
            self._programs.ask("rm", "--force", "--ignore", "--volumes", name)
            self._store.forget()

    def _has_unit(self, name: str) -> bool:
        """Whether a container that is about to be changed is a unit. Raises `EngineError`: there is none at all."""
        self._store.forget()
        if files.find(name, self._roots):
            return True
        if self._without_unit(name) is None:
            raise EngineError(404, f"no such container: {name}")
        self._store.forget()
        return False

    def remove_image(self, reference: str) -> None:
        """Remove an image; one that is gone or still used by somebody, be it by a unit alone, is left alone."""
        identity = self.image_id(reference)
        # while a container does not run, Podman knows nothing of it
        used = {place.unit.image for place in files.ours(self._roots) if place.unit}
        if identity and identity not in used:
            self._store.remove(reference, self.info().store)

    def tag(self, reference: str, new_reference: str) -> None:
        """Give an image a second name."""
        self._store.tag(reference, new_reference)

    def load(self, archive: Path) -> str:
        """Load an image archive from disk without holding it in memory."""
        return self._store.load(archive)

    def pull(self, reference: str, username: str = "", password: str = "") -> None:
        """Pull NAME@sha256:HEX from its registry."""
        self._store.pull(reference, self.info().store, username, password)


def _named(place: Place) -> FoundContainer:
    labels = part(place.unit.request, "Labels") if place.unit else {}
    return FoundContainer(place.unit.id if place.unit else "", place.name, service=text(labels, SERVICE_LABEL))
