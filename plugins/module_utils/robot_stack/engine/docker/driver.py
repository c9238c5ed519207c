"""Docker, as the rest of the project sees it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ...base.files import DesiredFile
from ...base.roots import Roots
from ...spec.model import Service, Stack
from ..protocol import Difference, EngineInfo, FoundContainer
from . import container, setup

OLDEST_API = (1, 41)  # Docker 20.10: the first that knows cgroup v2 and private cgroup namespaces


class Docker:
    """The driver; see `protocol.Driver`."""

    name = "Docker"
    command = "docker"
    units: Sequence[str] = setup.UNITS
    needs: Sequence[str] = setup.SOCKETS
    # the kernel keeps 15 characters of a name: containerd-shim-runc-v2 reads containerd-shim
    programs: Sequence[str] = ("dockerd", "containerd", "containerd-shim", "docker-proxy")
    settings_file = setup.DAEMON_JSON

    def installed(self, roots: Roots) -> bool:
        """Whether its program is there."""
        return any(roots.path(binary).exists() for binary in setup.BINARIES)

    def store(self, stack: Stack) -> str:
        """Return what daemon.json says, or its default."""
        return str(stack.engine.daemon.get("data-root") or setup.STORE)

    def files(self, stack: Stack) -> list[DesiredFile]:
        """Return daemon.json and the drop-ins of its units."""
        return setup.engine_files(stack)

    def configuration(self, stack: Stack) -> str:
        """Return a digest of `files`."""
        return setup.configuration(stack)

    def too_old(self, found: EngineInfo) -> str:
        """Return why this engine is too old, "" where it is not."""
        version = tuple(int(number) for number in re.findall(r"[0-9]+", found.api_version))
        if not version or version >= OLDEST_API:
            return ""
        needed = ".".join(map(str, OLDEST_API))
        return f"{found.version} (API {found.api_version}), Docker 20.10 (API {needed}) or later is needed"

    def request(self, stack: Stack, service: Service, cgroup_driver: str, fingerprint: str) -> dict[str, Any]:
        """Return the body that creates the service's container."""
        return container.body(stack, service, cgroup_driver, fingerprint)

    def drift(
        self, desired: Mapping[str, Any], found: FoundContainer, swap_accounted: bool = True, made: str = ""
    ) -> list[Difference]:
        """Return where a container differs from its request."""
        return container.drift(desired, found, swap_accounted, made)

    def described(self, desired: Mapping[str, Any]) -> str:
        """Return a request as lines."""
        return container.described(desired)


DOCKER = Docker()
