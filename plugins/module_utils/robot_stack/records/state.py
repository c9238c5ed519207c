"""What the project remembers on a robot between runs: /var/lib/robot-stack/state.json.

Engines forget (a removed container takes its counters along), so peaks, kills and restarts are kept here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from ..base.files import DesiredFile, write
from . import kept as records
from .kept import mapping, texts, value

FILE = "state.json"
FORMAT = 1
# Why a service ended: killed for memory; ended with the exit code of a kill; ended otherwise; hung and was restarted;
# started again by an engine that has forgotten why.
OUT_OF_MEMORY, KILLED, ENDED, HUNG, FORGOTTEN = "out of memory", "killed", "ended", "hung", "forgotten"
CAUSES = (OUT_OF_MEMORY, KILLED, ENDED, HUNG, FORGOTTEN)


@dataclass(frozen=True)
class ServiceRecord:
    """What is remembered of one service since it was deployed: its highest working set, and what happened to it.

    Times in seconds since 1970, 0: never. `restarts` are ends that nobody asked for, `hangs` those that the watchdog
    made because the service did not answer; `engine_restarts` is the engine's own count at the last look. `made` is the
    container that this project made; `container`, the one that the figures are of, may be somebody else's work.
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
    cause: str = ""  # of the last failure: one of CAUSES; empty: there was none, or an earlier version noted it


@dataclass(frozen=True)
class State:
    """The whole memory. `engine_packages`: what this project installed; empty: the engine is somebody else's.

    `engine_configuration`: the digest of the engine files that the running engine was started with.
    `images`: references of the images that this project brought, and ids of those whose names went to newer ones.
    `image_history`: ids of the images that a service runs and ran before, the newest first.
    `changed_at`: when this project last began to change the robot (seconds since 1970, 0: never, or not known).
    """

    engine_packages: list[str] = field(default_factory=list)
    engine_configuration: str = ""
    images: list[str] = field(default_factory=list)
    services: Mapping[str, ServiceRecord] = field(default_factory=dict)
    image_history: Mapping[str, list[str]] = field(default_factory=dict)
    changed_at: float = 0.0

    def with_service(self, name: str, memory: ServiceRecord) -> State:
        """Return a copy in which ``name`` is remembered as ``memory``."""
        return replace(self, services={**self.services, name: memory})

    def without_service(self, name: str) -> State:
        """Return a copy that has forgotten ``name``."""
        return replace(
            self,
            services={key: value for key, value in self.services.items() if key != name},
            image_history={key: value for key, value in self.image_history.items() if key != name},
        )


def read(root: Path) -> tuple[State, str]:
    """Return the state below ``root``, and "" or why its file cannot be read (then the state is an empty one)."""
    kept = records.read(root / FILE)
    if kept.trouble or kept.content is None:
        return State(), kept.trouble
    if not isinstance(kept.content, dict):
        return State(), "it holds no object"
    raw = kept.content
    services = {name: _record(one) for name, one in mapping(raw.get("services")).items() if isinstance(one, dict)}
    history = {name: texts(ids) for name, ids in mapping(raw.get("image_history")).items()}
    return State(
        engine_packages=texts(raw.get("engine_packages")),
        engine_configuration=value(raw, "engine_configuration", ""),
        images=texts(raw.get("images")),
        services=services,
        image_history=history,
        changed_at=value(raw, "changed_at", 0.0),
    ), ""


def load(root: Path) -> State:
    """Return the state below ``root``; an empty one where there is none, or it cannot be read."""
    return read(root)[0]


def _record(raw: Mapping[str, Any]) -> ServiceRecord:
    """Return what is known of a service; what another version noted besides is left out."""
    none = ServiceRecord()
    return ServiceRecord(**{one.name: value(raw, one.name, getattr(none, one.name)) for one in fields(ServiceRecord)})


def save(state: State, root: Path) -> None:
    """Write the state in one step, readable by root alone."""
    content = json.dumps({"format": FORMAT, **asdict(state)}, indent=1, sort_keys=True) + "\n"
    write(DesiredFile(path=FILE, content=content, mode=0o600), root)
