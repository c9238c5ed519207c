"""Which engine a robot has: the one place that names the drivers."""

from __future__ import annotations

from . import image, protocol
from .docker import api, container, driver, fields, found, setup
from .docker.api import DockerEngine
from .protocol import Engine

REQUEST_SECONDS = 120.0
# What a program needs that asks an engine: the watchdog takes these along.
MODULES = (protocol, image, api, container, driver, fields, found, setup)


def connect(socket_path: str, timeout: float = REQUEST_SECONDS) -> Engine:
    """Return the engine behind ``socket_path``; nothing is sent before the first question."""
    return DockerEngine(socket_path, timeout)
