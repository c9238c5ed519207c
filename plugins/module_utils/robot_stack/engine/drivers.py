"""Which engine a robot has: the one place that names the drivers."""

from __future__ import annotations

from ..base.roots import Roots
from ..host import platforms
from ..spec.model import ENGINES
from .docker.api import DockerEngine
from .docker.driver import Docker
from .docker.setup import SOCKET
from .podman.engine import PodmanEngine
from .protocol import Engine

REQUEST_SECONDS = 120.0
DOCKER, PODMAN = ENGINES


def kind_of(socket_path: str) -> str:
    """Return the kind of engine that listens at ``socket_path``; "": at none, since it has no process of its own."""
    return DOCKER if socket_path else PODMAN


def connect(
    kind: str, socket_path: str, timeout: float = REQUEST_SECONDS, parent: str = "", looks_only: bool = False
) -> Engine:
    """Return the engine of ``kind``; nothing is asked before the first question.

    One without a socket is asked by programs, which run below the slice ``parent`` where that is there. ``looks_only``:
    for who has little memory, and starts none but systemd's.
    """
    if kind == PODMAN:
        return PodmanEngine(parent=parent, looks_only=looks_only)
    return DockerEngine(socket_path, timeout, Docker.called(platforms.find(Roots()).engine(DOCKER)))


def other_than(kind: str, parent: str, socket_path: str = "") -> Engine:
    """Return the engine of the other kind, which a robot may have had before.

    ``socket_path`` is where it listened; "": that is not known, and the usual one is asked.
    """
    return connect(PODMAN if kind == DOCKER else DOCKER, socket_path or SOCKET, parent=parent)
