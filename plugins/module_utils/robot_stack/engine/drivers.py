"""Which engine a robot has: the one place that names the drivers."""

from __future__ import annotations

from .docker.api import DockerEngine
from .protocol import Engine

REQUEST_SECONDS = 120.0


def connect(socket_path: str, timeout: float = REQUEST_SECONDS) -> Engine:
    """Return the engine behind ``socket_path``; nothing is sent before the first question."""
    return DockerEngine(socket_path, timeout)
