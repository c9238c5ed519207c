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

FILE = "state.json"


@dataclass(frozen=True)
class ServiceMemory:
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
    services: Mapping[str, ServiceMemory] = field(default_factory=dict)
    image_history: Mapping[str, list[str]] = field(default_factory=dict)
    changed_at: float = 0.0

    def with_service(self, name: str, memory: ServiceMemory) -> State:
        """Return a copy in which ``name`` is remembered as ``memory``."""
        return replace(self, services={**self.services, name: memory})

    def without_service(self, name: str) -> State:
        """Return a copy that has forgotten ``name``."""
        return replace(
            self,
            services={key: value for key, value in self.services.items() if key != name},
            image_history={key: value for key, value in self.image_history.items() if key != name},
        )


def load(root: Path) -> State:
    """Read the state below ``root``; none, or an unreadable one, is an empty state: nothing is lost but history."""
    try:
        raw: dict[str, Any] = json.loads((root / FILE).read_text(encoding="utf-8"))
        services = {name: ServiceMemory(**_known(values)) for name, values in raw["services"].items()}
        history = {name: list(ids) for name, ids in raw.get("image_history", {}).items()}
        return State(
            list(raw["engine_packages"]),
            raw["engine_configuration"],
            list(raw["images"]),
            services,
            history,
            float(raw.get("changed_at", 0.0)),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return State()


def _known(values: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what another version of this project remembered."""
    names = {f.name for f in fields(ServiceMemory)}
    return {key: value for key, value in values.items() if key in names}


def save(state: State, root: Path) -> None:
    """Write the state in one step, readable by root alone."""
    content = json.dumps(asdict(state), indent=1, sort_keys=True) + "\n"
    write(DesiredFile(path=FILE, content=content, mode=0o600), root)
