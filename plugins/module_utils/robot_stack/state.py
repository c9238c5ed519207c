"""What the project remembers on a robot between runs: /var/lib/robot-stack/state.json.

Engines forget (a removed container takes its counters along), so peaks, kills and restarts are kept here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from .files import DesiredFile, write

FILE = "state.json"


@dataclass(frozen=True)
class ServiceMemory:
    """What is remembered of one service: since when, what it was at worst, and the last fault count."""

    container: str = ""
    deployed_at: float = 0.0
    peak_bytes: int = 0
    major_faults: int = 0
    faults_counted_at: float = 0.0
    oom_kills: int = 0


@dataclass(frozen=True)
class State:
    """The whole memory. `engine_packages`: what this project installed; empty: the engine is somebody else's.

    `engine_configuration`: the digest of the engine files that the running engine was started with.
    """

    engine_packages: list[str] = field(default_factory=list)
    engine_configuration: str = ""
    images: list[str] = field(default_factory=list)
    services: Mapping[str, ServiceMemory] = field(default_factory=dict)

    def with_service(self, name: str, memory: ServiceMemory) -> State:
        """Return a copy in which ``name`` is remembered as ``memory``."""
        return replace(self, services={**self.services, name: memory})

    def without_service(self, name: str) -> State:
        """Return a copy that has forgotten ``name``."""
        return replace(self, services={key: value for key, value in self.services.items() if key != name})


def load(root: Path) -> State:
    """Read the state below ``root``; none, or an unreadable one, is an empty state: nothing is lost but history."""
    try:
        raw: dict[str, Any] = json.loads((root / FILE).read_text(encoding="utf-8"))
        services = {name: ServiceMemory(**values) for name, values in raw["services"].items()}
        return State(list(raw["engine_packages"]), raw["engine_configuration"], list(raw["images"]), services)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return State()


def save(state: State, root: Path) -> None:
    """Write the state in one step, readable by root alone."""
    content = json.dumps(asdict(state), indent=1, sort_keys=True) + "\n"
    write(DesiredFile(path=FILE, content=content, mode=0o600), root)
