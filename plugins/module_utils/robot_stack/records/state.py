"""What the project remembers on a robot between runs: /var/lib/robot-stack/state.json.

Engines forget (a removed container takes its counters along), so peaks, kills and restarts are kept here.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from ..base.files import DesiredFile, write
from ..spec.model import ENGINES
from . import record_file
from .record_file import FORMAT, Fields, Problem

FILE = "state.json"
LARGEST_BYTES = 256 * 1024  # a hundred times what it holds; the watchdog, which reads it too, has little memory
# Why a service ended: OOM kill; ended with the exit code of a kill; ended otherwise; hung and was restarted;
# started again by an engine that has forgotten why; found stopped, and started.
OUT_OF_MEMORY, KILLED, ENDED, HUNG, FORGOTTEN = "out of memory", "killed", "ended", "hung", "forgotten"
STOPPED = "stopped"
CAUSES = (OUT_OF_MEMORY, KILLED, ENDED, HUNG, FORGOTTEN, STOPPED)


@dataclass(frozen=True)
class ServiceRecord:
    """What is remembered of one service since it was deployed: its highest working set, and what happened to it.

    Times in seconds since 1970, 0: never. `restarts` are ends that nobody asked for, `hangs` those that the watchdog
    made because the service did not answer, `starts` are those of a service that it found stopped; `engine_restarts` is
    the engine's own count at the last look. `made` is the container that this project made; `container`, the one that
    the figures are of, may be somebody else's work.
    """

    container: str = ""
    deployed_at: float = 0.0
    peak_bytes: int = 0
    restarts: int = 0
    oom_kills: int = 0
    hangs: int = 0
    engine_restarts: int = 0
    last_failure_at: float = 0.0
    last_failure: str = ""
    made: str = ""
    asked_at: float = 0.0  # when the watchdog last restarted it for another's sake: ends until then are none of its own
    cause: str = ""  # of the last failure: one of CAUSES; empty: there was none, or an earlier version noted it
    starts: int = 0


@dataclass(frozen=True)
class State:
    """All that is remembered. `engine_packages`: what this project installed; empty: the engine is somebody else's.

    `engine_configuration`: the digest of the engine files that the running engine was started with.
    `images`: references of the images that this project brought, and ids of those whose names went to newer ones.
    `image_history`: ids of the images that a service runs and ran before, the newest first.
    `robot`, `machine`: the name under which it was deployed, and which machine that was (host/facts.py).
    `enabled_unit`: the unit of somebody else's engine that this project has enabled, and a removal disables again.
    `changed_at`: when this project last began to change the robot (seconds since 1970, 0: never, or not known).
    `engine_kind`: of the engine that all this is about ("": Docker, of which an earlier version knew no other).
    `former_kind`: of an engine that the robot had before and that is still to be left ("": none), with what this
    project installed of it, the images that it brought there, and where it listens ("": not known, or nowhere).
    """

    engine_packages: list[str] = field(default_factory=list)
    engine_configuration: str = ""
    images: list[str] = field(default_factory=list)
    services: Mapping[str, ServiceRecord] = field(default_factory=dict)
    image_history: Mapping[str, list[str]] = field(default_factory=dict)
    changed_at: float = 0.0
    robot: str = ""
    machine: str = ""
    enabled_unit: str = ""
    engine_kind: str = ""
    former_kind: str = ""
    former_packages: list[str] = field(default_factory=list)
    former_images: list[str] = field(default_factory=list)
    former_socket: str = ""

    def with_service(self, name: str, record: ServiceRecord) -> State:
        """Return a copy in which ``name`` is remembered as ``record``."""
        return replace(self, services={**self.services, name: record})

    def without_history(self, name: str) -> State:
        """Return a copy that has forgotten which images ``name`` ran."""
        return replace(self, image_history={key: value for key, value in self.image_history.items() if key != name})

    def without_service(self, name: str) -> State:
        """Return a copy that has forgotten ``name``."""
        services = {key: value for key, value in self.services.items() if key != name}
        return replace(self.without_history(name), services=services)


def of_kind(known: State, kind: str, socket: str = "") -> State:
    """Return ``known`` as it is about an engine of ``kind``: what it knows of another becomes that of a former one.

    ``socket`` is where the watchdog asks the engine, or asked that other one.
    """
    before = known.engine_kind or ENGINES[0]
    if before == kind:
        return known
    back = known.former_kind == kind
    something = bool(known.engine_packages or known.images or known.services or known.enabled_unit)
    return replace(
        known,
        engine_kind=kind,
        engine_packages=known.former_packages if back else [],
        engine_configuration="",
        images=known.former_images if back else [],
        image_history={},
        former_kind=before if something else "",
        former_packages=known.engine_packages,
        former_images=known.images,
        former_socket=socket if something and before == ENGINES[0] else "",
    )


def without_former(known: State, units: Sequence[str]) -> State:
    """Return ``known`` after the former engine, which has these systemd ``units``, was left."""
    enabled = "" if known.enabled_unit in units else known.enabled_unit
    nothing = replace(known, former_kind="", former_packages=[], former_images=[], former_socket="")
    return replace(nothing, enabled_unit=enabled)


def there(root: Path) -> bool:
    """Whether there is a state below ``root``, whatever it is."""
    return os.path.lexists(root / FILE)


def load(root: Path) -> State:
    """Return what can be read of the state below ``root``; whoever writes it then must have asked for `problems`."""
    return read(root)[0]


def read(root: Path) -> tuple[State, list[Problem]]:
    """Return what can be read of the state below ``root``, and what cannot; no file is an empty state."""
    wrong: list[str] = []
    found = record_file.opened(record_file.read(root / FILE, LARGEST_BYTES), wrong)
    if found is None:
        return State(), record_file.told(FILE, wrong)
    history = found.inside("image_history")
    state = State(
        found.texts("engine_packages"),
        found.text("engine_configuration"),
        found.texts("images"),
        {name: _service(values) for name, values in found.objects("services").items()},
        {name: history.texts(name) for name in history.raw},
        found.number("changed_at"),
        found.text("robot"),
        found.text("machine"),
        found.text("enabled_unit"),
        found.text("engine_kind"),
        found.text("former_kind"),
        found.texts("former_packages"),
        found.texts("former_images"),
        found.text("former_socket"),
    )
    return state, record_file.told(FILE, wrong)


def _service(values: Fields) -> ServiceRecord:
    return ServiceRecord(
        container=values.text("container"),
        deployed_at=values.number("deployed_at"),
        peak_bytes=values.count("peak_bytes"),
        restarts=values.count("restarts"),
        oom_kills=values.count("oom_kills"),
        hangs=values.count("hangs"),
        starts=values.count("starts"),
        engine_restarts=values.count("engine_restarts"),
        last_failure_at=values.number("last_failure_at"),
        last_failure=values.text("last_failure"),
        made=values.text("made"),
        asked_at=values.number("asked_at"),
        cause=values.text("cause"),
    )


def save(state: State, root: Path) -> None:
    """Write the state in one step, readable by root alone."""
    content = json.dumps({"format": FORMAT, **asdict(state)}, indent=1, sort_keys=True) + "\n"
    write(DesiredFile(path=FILE, content=content, mode=0o600), root)
